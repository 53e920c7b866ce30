"""Medical account sharing bound at a counter: the owner's card lies there, the relative's too or its number is known.

A relative whose own card was read in person has agreed by being there. One of whom only the card's number is known
agrees as by every other door: by a code to the phone that the register holds, or however the policy has it. For a minor
a guardian comes along with their card where the register knows no phone of one.

What the owner agrees to is written down with the text that was shown, and before whom.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from app.core.db import Database, Session
from app.models.counter import Purpose
from app.models.operators import OfficeKind
from app.models.sharing import SharingBinding, SharingWay
from app.ports.register import PhysicalCardStatus, Register, RegisteredPerson
from app.services import agreements, audit
from app.services.agreements import About, Giver, Witness
from app.services.audit import Action
from app.services.counter import knowing, serving, using
from app.services.counter.deeds import CHANNEL, Hand
from app.services.counter.knowing import CardNotKnown
from app.services.counter.serving import Serving
from app.services.notices import Shown
from app.services.people import homes
from app.services.people.identifiers import Population
from app.services.people.relationships import Relationship
from app.services.sharing import binding, confirming
from app.services.sharing.asking import NOTICE
from app.services.sharing.binding import Wanted

Remember = Callable[[Session, SharingBinding], Awaitable[None]]
_WAYS = {OfficeKind.DISTRICT_BRANCH: SharingWay.BRANCH_WINDOW, OfficeKind.HOSPITAL: SharingWay.HOSPITAL}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an owner wants to share with: by the card that was read, or by the number on it; one of the two is there.

    `notice` is the text that the owner has read or heard, `language` that of a code's text. A minor who is there may
    have a guardian with them, by `guardian_read`.
    """

    owner_read: str = field(repr=False)
    member_read: str | None = field(repr=False)
    member_card_number: str | None = field(repr=False)
    relationship: Relationship
    notice: Shown
    language: str
    guardian_read: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Member:
    """The relative: served in person, or (`serving.read_id` None) named by the number on their card."""

    serving: Serving
    registered: RegisteredPerson = field(repr=False)


@dataclass(frozen=True, slots=True)
class _There:
    """Whoever is at the counter or named there: the owner, the relative, and a guardian of theirs."""

    owner: Serving
    member: _Member
    guardian: Serving | None

    @property
    def served(self) -> tuple[Serving, ...]:
        """Those who have laid their cards down."""
        found = (self.owner, self.member.serving, self.guardian)
        return tuple(each for each in found if each is not None and each.read_id is not None)

    @property
    def people(self) -> frozenset[UUID]:
        """Everybody whom it concerns."""
        return frozenset({self.member.serving.person_id, *(each.person_id for each in self.served)})


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
        SharersAtLimit, SharingCodesUsedUp, NoticeOutdated: as by every other door.
        GuardianNotHere: of a minor no guardian is there or can be asked; or a stranger is there as one.
    """
    owner = await db.run(lambda session: using.open_read(session, hand, asked.owner_read, Purpose.SHARING))
    member = await _member(db, register, population, hand, asked)
    guardian = await _guardian(db, hand, asked)
    owner_number = await db.run(lambda session: _number(session, owner))
    has_phone = await confirming.can_be_reached(db, register, member.registered, owner_number)
    wanted = Wanted(
        owner_id=owner.person_id,
        number=knowing.number_of(member.registered, population),
        registered=member.registered,
        relationship=asked.relationship,
        way=_WAYS[hand.staff.office_kind],
        channel=hand.staff.office_kind.channel.value,
        language=asked.language,
        has_phone=has_phone,
        guardian=None if guardian is None else await db.run(lambda session: _number(session, guardian)),
    )
    there = _There(owner, member, guardian)

    async def write(session: Session) -> None:
        await remember(session, await _bind(session, hand, there, wanted, asked.notice))

    await db.run(write)


async def _member(db: Database, register: Register, population: Population, hand: Hand, asked: Asked) -> _Member:
    if asked.member_read is not None:
        token = asked.member_read
        served = await db.run(lambda session: using.open_read(session, hand, token, Purpose.SHARING))
        number = await db.run(lambda session: _number(session, served))
        registered = await register.find(number)
        if registered is None or not registered.is_alive:  # since the card was read
            raise CardNotKnown
        return _Member(served, registered)
    assert asked.member_card_number is not None
    shown = knowing.Shown(asked.member_card_number, Purpose.SHARING)
    registered = await knowing.holder_of(db, register, hand.staff, shown, _is_in_order)
    person_id = await knowing.home_of(db, population, registered)
    served = Serving(hand.caller, person_id, Purpose.SHARING)
    await serving.require_stranger(db, register, served)
    return _Member(served, registered)


async def _guardian(db: Database, hand: Hand, asked: Asked) -> Serving | None:
    token = asked.guardian_read
    if token is None:
        return None
    return await db.run(lambda session: using.open_read(session, hand, token, Purpose.SHARING))


async def _number(session: Session, served: Serving) -> str:
    return (await homes.person(session, served.person_id)).number


def _is_in_order(registered: RegisteredPerson) -> bool:
    """Say whether a card that nobody has before them may be bound; why it may not is its holder's business."""
    return registered.card is not None and registered.card.status is PhysicalCardStatus.NORMAL


async def _bind(session: Session, hand: Hand, there: _There, wanted: Wanted, notice: Shown) -> SharingBinding:
    """Spend what was read, bind and write the consent down, in one transaction; the homes are locked first."""
    await homes.lock(session, there.people)
    await hand.confirm(session)
    for served in there.served:
        await using.use_once(session, served)
    is_alone = there.member.serving.read_id is None
    work = binding.bind if is_alone else binding.bind_in_person
    bound = await work(session, wanted, there.owner.actor)
    await _agree(session, there.owner, bound, notice)
    for person_id in sorted(there.people):
        await _record(session, there, person_id, bound)
    return bound


async def _agree(session: Session, owner: Serving, bound: SharingBinding, notice: Shown) -> None:
    """Write down that the owner agreed in person: to which text, before whom, by which card."""
    assert owner.read_id is not None
    witness = Witness(owner.staff.id, owner.staff.office_id, owner.read_id)
    giver = Giver(owner.actor.channel or CHANNEL, owner.actor, witness=witness)
    await agreements.give(session, giver, About(owner.person_id, bound.id, NOTICE), notice)


async def _record(session: Session, there: _There, person_id: UUID, bound: SharingBinding) -> None:
    owner, guardian = there.owner, there.guardian
    facts = {} if guardian is None else {"guardian_id": str(guardian.person_id)}
    await audit.record(
        session,
        Action.COUNTER_BOUND,
        home_id=person_id,
        actor=owner.actor,
        on_behalf_of=owner.person_id,
        facts={**owner.facts, **facts, "binding_id": str(bound.id), "state": bound.state.value},
    )
