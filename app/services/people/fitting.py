"""Refuses relatives who cannot be what they are said to be: oneself, or somebody whose sex or age does not fit."""

from datetime import date

from app.core.errors import Conflict, FieldError
from app.ports.register import RegisteredPerson
from app.services.people.homes import KnownPerson
from app.services.people.identifiers import Sex
from app.services.people.plausibility import AgeRules, Vitals, implausibility
from app.services.people.relationships import Relationship
from app.services.rules import Policies


class SelfNotAllowed(Conflict):
    """Nobody is their own relative."""

    code = "self-not-allowed"


class RelationshipImplausible(Conflict):
    """Sex or age do not fit the relationship; `errors` says which."""

    code = "relationship-implausible"


def require_plausible(
    rules: Policies, relationship: Relationship, owner: KnownPerson, member: RegisteredPerson, on: date
) -> None:
    """Check that the member can well be to the owner what the relationship says.

    Raises:
        RelationshipImplausible: they cannot.
    """
    fault = implausibility(
        relationship.code,
        owner=Vitals(Sex(owner.sex), owner.birth_date),
        member=Vitals(Sex(member.sex), member.birth_date),
        on=on,
        rules=AgeRules(**rules.age_rules.model_dump()),
    )
    if fault is not None:
        raise RelationshipImplausible(errors=[FieldError("/relationship", fault.value)])
