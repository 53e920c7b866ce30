"""Reads whom an enrolment is about: a name, a number, and what they are to the owner."""

from app.core.errors import FieldError, Invalid
from app.routers.deps import House
from app.schemas.enrolments import DetailsAsk
from app.services import lookups
from app.services.enrolments import details
from app.services.enrolments.details import Details
from app.services.links import AlreadyAdding, AlreadyMember, QuotaReached
from app.services.people import fitting
from app.services.people.identifiers import NumberNotValid, parse_number
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
    """Read what was typed; every fault is named at once."""
    faults: list[FieldError] = []
    name = number = relationship = None
    try:
        name = parse_name(body.name)
    except NameNotValid as error:
        faults.append(FieldError("/name", error.reason.value))
    try:
        number = parse_number(body.social_security_number, population=house.population)
    except NumberNotValid as error:
        faults.append(FieldError("/social_security_number", error.reason.value))
    try:
        relationship = find_relationship(body.relationship) if body.relationship is not None else None
    except RelationshipNotValid as error:
        faults.append(FieldError("/relationship", error.reason.value))
    if faults or name is None or number is None:
        raise Invalid(errors=faults)
    return Details(name, number, relationship)
