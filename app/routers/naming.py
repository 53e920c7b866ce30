"""Reads whom something is about, as people type it: a name, a number, and what they are to somebody."""

import contextlib
from collections.abc import Iterator

from app.core.errors import FieldError, Invalid
from app.routers.deps import House
from app.schemas.enrolments import DetailsAsk
from app.services import lookups
from app.services.enrolments import details
from app.services.enrolments.details import Details
from app.services.links import AlreadyAdding, AlreadyMember, QuotaReached
from app.services.people import fitting
from app.services.people.identifiers import NumberNotValid, SocialSecurityNumber, parse_number
from app.services.people.names import NameNotValid, parse_name
from app.services.people.relationships import RelationshipNotValid, find_relationship

DETAILS = (
    lookups.PersonNotVerified,
    lookups.LookupInProgress,
    lookups.LookupsUsedUp,
    fitting.SelfNotAllowed,
    fitting.RelationshipImplausible,
    AlreadyMember,
    AlreadyAdding,
    QuotaReached,
    details.MemberDisputed,
)
"""What the details of a relative can be refused with, wherever they are given."""


def read_details(house: House, body: DetailsAsk) -> Details:
    """Read what was typed of whom an enrolment is about.

    Raises:
        Invalid: something is none; every fault is named at once.
    """
    faults: list[FieldError] = []
    name = number = relationship = None
    with fault_at("/name", faults):
        name = parse_name(body.name)
    with fault_at("/social_security_number", faults):
        number = parse_number(body.social_security_number, population=house.population)
    with fault_at("/relationship", faults):
        relationship = find_relationship(body.relationship) if body.relationship is not None else None
    if faults or name is None or number is None:
        raise Invalid(errors=faults)
    return Details(name, number, relationship)


def read_who(house: House, name: str, number: str, *, within: str = "") -> tuple[str, SocialSecurityNumber]:
    """Read a name and a number; `within` is where they stand in the body.

    Raises:
        Invalid: one is none; `errors` says which, or that both are.
    """
    faults: list[FieldError] = []
    read_name = read_number = None
    with fault_at(f"{within}/name", faults):
        read_name = parse_name(name)
    with fault_at(f"{within}/social_security_number", faults):
        read_number = parse_number(number, population=house.population)
    if read_name is None or read_number is None:
        raise Invalid(errors=faults)
    return read_name, read_number


@contextlib.contextmanager
def fault_at(pointer: str, faults: list[FieldError]) -> Iterator[None]:
    """Note what is wrong with a field that is read within, and go on."""
    try:
        yield
    except (NameNotValid, NumberNotValid, RelationshipNotValid) as error:
        faults.append(FieldError(pointer, error.reason.value))
