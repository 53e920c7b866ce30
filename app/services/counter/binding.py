"""Medical account sharing bound at a counter: the owner's card lies there, the relative's too or its number is known.

A relative whose own card was read in person has agreed by being there. One of whom only the card's number is known
agrees as by every other door: by a code to the phone that the register holds, or however the policy has it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from app.core.db import Database, Session
from app.models.counter import Purpose
from app.models.operators import OfficeKind
from app.models.sharing import SharingBinding, SharingWay
from app.ports.register import PhysicalCardStatus, Register, RegisteredPerson
from app.services import audit
from app.services.audit import Action
from app.services.counter import knowing, serving, using
from app.services.counter.deeds import Hand
from app.services.counter.knowing import CardNotKnown, Shown
from app.services.counter.serving import Serving
from app.services.people import homes
from app.services.people.identifiers import Population
from app.services.people.relationships import Relationship
from app.services.sharing import binding, confirming
from app.services.sharing.binding import Wanted

Remember = Callable[[Session, SharingBinding], Awaitable[None]]
_WAYS = {OfficeKind.DISTRICT_BRANCH: SharingWay.BRANCH_WINDOW, OfficeKind.HOSPITAL: SharingWay.HOSPITAL}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an owner wants to share with: by the card that was read, or by the number on it; one of the two is there.

    `language` is that of a code's text.
    """

    owner_read: str = field(repr=False)
    member_read: str | None = field(repr=False)
    member_card_number: str | None = field(repr=False)
    relationship: Relationship
    language: str


@dataclass(frozen=True, slots=True)
class _Member:
    """The relative: served in person, or (`serving.read_id` None) named by the number on their card."""

    serving: Serving
    registered: RegisteredPerson = field(repr=False)


async def bind(
    db: Database, register: Register, population: Population, hand: Hand, asked: Asked, remember: Remember
) -> None:
    """Bind a relative for an owner whose card lies on the counter; that spends the cards that were read.

    Args:
        remember: keeps the answer, in the transaction that binds.

    Raises:
        CardReadNotValid, CardReadOfAnother, CardReadOver, CardReadUsed, CardReadForAnother: of either card.
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, StaffSessionEnded, RequestReplayed: the operator may not.
        ServiceOfOwnFamily: the relative is the operator, or of their family.
        CardNotKnown, ReadsUsedUp: the number is nobody's card, or one that is not in order.
        RegisterUnavailable: the register does not answer.
        SelfNotAllowed, RelativeNotShared, RelationshipImplausible, AlreadyShared, SharingDeclined, MembersAtLimit,
        SharersAtLimit, SharingCodesUsedUp: as by every other door.
    """
    owner = await db.run(lambda session: using.open_read(session, hand, asked.owner_read, Purpose.SHARING))
    member = await _member(db, register, population, hand, asked)
    owner_number = (await db.run(lambda session: homes.person(session, owner.person_id))).number
    has_phone = await confirming.can_be_reached(db, register, member.registered, owner_number)
    wanted = Wanted(
        owner_id=owner.person_id,
        number=knowing.number_of(member.registered, population),
        registered=member.registered,
        relationship=asked.relationship,
        way=_WAYS[hand.staff.office_kind],
        channel=hand.staff.office_kind.value,
        language=asked.language,
        has_phone=has_phone,
    )

    async def write(session: Session) -> None:
        await remember(session, await _bind(session, hand, owner, member, wanted))

    await db.run(write)


async def _member(db: Database, register: Register, population: Population, hand: Hand, asked: Asked) -> _Member:
    if asked.member_read is not None:
        token = asked.member_read
        served = await db.run(lambda session: using.open_read(session, hand, token, Purpose.SHARING))
        number = (await db.run(lambda session: homes.person(session, served.person_id))).number
        registered = await register.find(number)
        if registered is None or not registered.is_alive:  # since the card was read
            raise CardNotKnown
        return _Member(served, registered)
    assert asked.member_card_number is not None
    shown = Shown(asked.member_card_number, Purpose.SHARING)
    registered = await knowing.holder_of(db, register, hand.staff, shown, _is_in_order)
    person_id = await knowing.home_of(db, population, registered)
    served = Serving(hand.caller, person_id, Purpose.SHARING)
    await serving.require_stranger(db, register, served)
    return _Member(served, registered)


def _is_in_order(registered: RegisteredPerson) -> bool:
    """Say whether a card that nobody has before them may be bound; why it may not is its holder's business."""
    return registered.card is not None and registered.card.status is PhysicalCardStatus.NORMAL


async def _bind(session: Session, hand: Hand, owner: Serving, member: _Member, wanted: Wanted) -> SharingBinding:
    """Spend what was read and bind, in one transaction; both homes are locked first."""
    people = {owner.person_id, member.serving.person_id}
    await homes.lock(session, people)
    await hand.confirm(session)
    await using.use_once(session, owner)
    if member.serving.read_id is None:
        bound = await binding.bind(session, wanted, owner.actor)
    else:
        await using.use_once(session, member.serving)
        bound = await binding.bind_in_person(session, wanted, owner.actor)
    for person_id in sorted(people):
        await _record(session, owner, person_id, bound)
    return bound


async def _record(session: Session, owner: Serving, person_id: UUID, bound: SharingBinding) -> None:
    await audit.record(
        session,
        Action.COUNTER_BOUND,
        home_id=person_id,
        actor=owner.actor,
        on_behalf_of=owner.person_id,
        facts={**owner.facts, "binding_id": str(bound.id), "state": bound.state.value},
    )
