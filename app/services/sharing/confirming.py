"""Who may be bound, and who has to agree before a binding is active: policy, and whom the register can reach."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Final
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Conflict, FieldError
from app.models.sharing import Confirming, Kin
from app.ports.register import Register, RegisteredPerson
from app.services import policies
from app.services.people import homes
from app.services.people.ages import is_under
from app.services.people.homes import KnownPerson
from app.services.people.relationships import Relationship, Tie
from app.services.rules.sharing import Sharing

_OF_THE_LINE: Final[Mapping[int | None, Kin]] = {
    0: Kin.SIBLING,
    1: Kin.PARENT,
    -1: Kin.CHILD,
    2: Kin.GRANDPARENT,
    -2: Kin.GRANDCHILD,
}
_IN_LAW: Final[Mapping[int | None, Kin]] = {0: Kin.SIBLING_IN_LAW, 1: Kin.PARENT_IN_LAW, -1: Kin.CHILD_IN_LAW}
_BY_TIE: Final[Mapping[Tie, Mapping[int | None, Kin]]] = {
    Tie.SPOUSE: {0: Kin.SPOUSE},
    Tie.BLOOD: _OF_THE_LINE,
    Tie.ADOPTION: _OF_THE_LINE,
    Tie.MARRIAGE: _IN_LAW,
    Tie.DISTANT: {},
}


class RelativeNotShared(Conflict):
    """A relative of this kind is none whom the rules of the owner's region let share."""

    code = "relative-not-shared"


class GuardianNotHere(Conflict):
    """The member is a minor of whom no guardian can be asked: one whom the register names has to be here in person."""

    code = "guardian-not-here"


def needs_guardian(rules: Sharing, owner: KnownPerson, registered: RegisteredPerson, now: datetime) -> bool:
    """Say whether a guardian has to agree for somebody: a minor whose guardian the owner is not, by the register."""
    return is_under(registered.birth_date, rules.minor_under, now) and owner.number not in guardians(registered)


def guardians(registered: RegisteredPerson) -> Set[str]:
    """Return the numbers of those who agree for somebody, as the register has them."""
    return registered.parents | registered.guardians


async def can_be_reached(db: Database, register: Register, registered: RegisteredPerson, owner_number: str) -> bool:
    """Say whether a code about somebody could be sent: to them, or of a minor to a guardian. No connection is held.

    Raises:
        RegisterUnavailable: no answer, or none that we understand.
    """
    years = (await policies.at_hand(db)).sharing.minor_under
    is_minor = is_under(registered.birth_date, years, db.clock.now())
    find = guardian_phone if is_minor else own_phone
    return await find(register, registered, owner_number) is not None


async def own_phone(register: Register, registered: RegisteredPerson, owner_number: str) -> str | None:
    """Return the phone that the register holds of somebody, unless it is the owner's: nobody agrees with himself.

    Raises:
        RegisterUnavailable: no answer, or none that we understand.
    """
    owner = await register.find(owner_number)
    return None if owner is not None and owner.phone == registered.phone else registered.phone


async def guardian_phone(register: Register, registered: RegisteredPerson, owner_number: str) -> str | None:
    """Return the phone that the register holds of a parent or guardian who is not the owner, unless it is the owner's.

    Raises:
        RegisterUnavailable: no answer, or none that we understand.
    """
    owner = await register.find(owner_number)
    kept_out = {None} if owner is None else {None, owner.phone}
    for number in sorted(guardians(registered) - {owner_number}):
        guardian = await register.find(number)
        if guardian is not None and guardian.is_alive and guardian.phone not in kept_out:
            return guardian.phone
    return None


def kin_of(relationship: Relationship) -> Kin | None:
    """Return what a relative is to the owner as the rules of sharing see it; None: no near relative."""
    return _BY_TIE[relationship.tie].get(relationship.generation)


async def who(
    session: Session,
    rules: Sharing,
    owner: KnownPerson,
    member_id: UUID,
    registered: RegisteredPerson,
    relationship: Relationship,
    *,
    has_phone: bool,
) -> Confirming:
    """Return who has to agree that the owner binds somebody.

    Args:
        has_phone: as `can_be_reached` says.

    Raises:
        RelativeNotShared: the rules know no such relative.
    """
    kin = kin_of(relationship)
    if kin is None or kin not in rules.relatives:
        raise RelativeNotShared(errors=[FieldError("/relationship", "choice")])
    if is_under(registered.birth_date, rules.minor_under, session.now):
        if not needs_guardian(rules, owner, registered, session.now):
            return Confirming.NOBODY
        return Confirming.GUARDIAN if has_phone else Confirming.COUNTER
    wanted = rules.relatives[kin]
    if wanted is Confirming.MEMBER and await homes.holder(session, member_id) is not None:
        return wanted
    if wanted in (Confirming.MEMBER, Confirming.CODE) and not has_phone:
        return Confirming.COUNTER
    return wanted
