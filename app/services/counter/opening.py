"""Applications begun at a window, for an owner whose card lies there: the same machine, rules and tables as in the app.

The owner is there in person and their card was read: that is what the card password is in the app. Who is added needs
no phone; the clerk is the witness of what was read out and agreed to.
"""

from dataclasses import dataclass
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import NotFound
from app.models.counter import Purpose
from app.models.enrolments import EnrolmentKind
from app.ports.register import Register, RegisteredPerson
from app.services import outbox
from app.services.audit import Actor
from app.services.cards.reading import OwnCardNeeded
from app.services.counter import deeds, enrolling, using
from app.services.counter.deeds import CHANNEL, Hand
from app.services.counter.enrolling import CounterView, Remember
from app.services.enrolments import details, loading, steps
from app.services.enrolments.details import Details
from app.services.notices import Shown
from app.services.people import homes


@dataclass(frozen=True, slots=True)
class OwnerThere:
    """An owner at a window, as an application asks for them; who acts is the clerk."""

    account_id: UUID
    person_id: UUID
    device_id: UUID
    actor: Actor
    channel: str = CHANNEL
    is_proven: bool = True

    @property
    def home_id(self) -> UUID:
        """Their home: they are who their card says."""
        return self.person_id


async def begin(db: Database, hand: Hand, card_read: str, shown: Shown, remember: Remember) -> None:
    """Begin to add a relative for an owner whose card was read, who has read the notice or heard it read out.

    Raises:
        OwnCardNeeded: the owner has no e-card in use.
        EnrolmentsUsedUp, NoticeOutdated, what `cards.allowing` refuses, and what `using.open_read` raises.
    """

    async def work(session: Session) -> None:
        owner = await _owner(session, hand, card_read)
        await hand.confirm(session)
        opened = await steps.open_enrolment(session, owner, EnrolmentKind.FAMILY_MEMBER)
        await steps.acknowledge_notice(session, owner, opened.id, shown, None)
        enrolment = await loading.of_caller(session, owner, opened.id)
        await remember(session, await enrolling.view(session, enrolment))

    await db.run(work)


async def name(
    db: Database,
    register: Register,
    hand: Hand,
    card_read: str,
    enrolment_id: UUID,
    named: Details,
    seen: int | None,
) -> CounterView:
    """Say whom an owner's application is about; the same again changes nothing, others undo what came after.

    The owner is told: whoever has their card could say that they are there.

    Raises:
        NotFound: it is not the owner's.
        ServiceOfOwnFamily: who is named belongs to the clerk's family; that is written down.
        what `enrolments.details.give` and `using.open_read` raise.
    """

    async def who(session: Session) -> tuple[OwnerThere, int]:
        owner = await _owner(session, hand, card_read)
        await hand.confirm(session)
        enrolment = await loading.of_caller(session, owner, enrolment_id)
        if enrolment.kind is not EnrolmentKind.FAMILY_MEMBER:
            raise NotFound
        return owner, enrolment.version

    async def allow(registered: RegisteredPerson) -> None:
        member_id = await db.run(lambda session: homes.find_or_create(session, named.number, registered))
        await deeds.require_strangers(db, register, hand.caller, {member_id}, Purpose.ENROLMENT)

    owner, version = await db.run(who)
    await details.give(db, register, owner, enrolment_id, named, seen, allow)

    async def read(session: Session) -> CounterView:
        enrolment = await loading.of_caller(session, owner, enrolment_id)
        if enrolment.version != version:
            outbox.tell(
                session,
                outbox.Kind.TELL_PERSON,
                owner.person_id,
                message="enrolment_at_counter",
                member_id=str(enrolment.member_id or ""),
            )
        return await enrolling.view(session, enrolment)

    return await db.run(read)


async def _owner(session: Session, hand: Hand, card_read: str) -> OwnerThere:
    """Return the owner whose card was read for this, with their home locked.

    Raises:
        OwnCardNeeded: they have no account, so no e-card in use.
    """
    served = await using.open_read(session, hand, card_read, Purpose.ENROLMENT)
    await homes.lock(session, {served.person_id})
    account_id = await homes.holder(session, served.person_id)
    if account_id is None:
        raise OwnCardNeeded
    return OwnerThere(account_id, served.person_id, hand.caller.session_id, hand.actor)
