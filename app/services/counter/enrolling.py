"""Applications at a window: found by the number that the app shows or by the owner's card, and attested in person.

An own card's application is found by its number alone: the card of somebody who is there does not say which account is
theirs, and the number stands on the screen of the phone in their hand.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.core.errors import NextStep, NotFound
from app.models.accounts import Account
from app.models.attestations import SeenDocument
from app.models.counter import Purpose
from app.models.enrolments import Enrolment, EnrolmentKind
from app.ports.register import Register
from app.services import audit
from app.services.accounts import profile
from app.services.accounts.doers import Doer
from app.services.audit import Action
from app.services.counter import deeds, serving, using
from app.services.counter.deeds import CHANNEL, Hand
from app.services.enrolments import attesting, finishing, loading, viewing
from app.services.enrolments.attesting import Agreed, AttestationNotPossible, Needs, Seen
from app.services.enrolments.viewing import EnrolmentView
from app.services.operators.sessions import StaffCaller
from app.services.people import homes
from app.services.people.names import mask_name
from app.services.people.phones import mask_phone


@dataclass(frozen=True, slots=True)
class CounterView:
    """An application as a clerk reads it: `needs` is what an attestation takes, None where there is none to make.

    Names are masked. `phone`, masked, is the account's that has begun an own card: it is to be in the person's hand.
    """

    enrolment: EnrolmentView
    owner_name: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    needs: Needs | None


@dataclass(frozen=True, slots=True)
class Showing:
    """What somebody shows at a window and agrees to; their card may lie there too.

    `version` is the one of the application that the clerk has read, or `at` when they saw it without a connection.
    """

    documents: frozenset[SeenDocument]
    consents: Collection[Agreed]
    card_read: str | None = field(default=None, repr=False)
    version: int | None = None
    at: datetime | None = None


Remember = Callable[[Session, CounterView], Awaitable[None]]


async def of_owner(session: Session, hand: Hand, card_read: str) -> Sequence[CounterView]:
    """Return the open applications of an owner whose card was read, the newest first; that is written down.

    Raises:
        StaffSessionEnded, RequestReplayed, and what `using.open_read` raises.
    """
    served = await using.open_read(session, hand, card_read, Purpose.ENROLMENT)
    await homes.lock(session, {served.person_id})
    await hand.confirm(session)
    rows = await session.scalars(
        select(Enrolment)
        .where(
            Enrolment.bucket == bucket_of(served.person_id),
            Enrolment.owner_id == served.person_id,
            Enrolment.ended_at.is_(None),
        )
        .order_by(Enrolment.created_at.desc())
        .limit(100)
    )
    found = [row for row in rows if not loading.is_overdue(session, row)]
    await audit.record(
        session, Action.ENROLMENT_SEEN_AT_COUNTER, home_id=served.person_id, actor=served.actor, facts=served.facts
    )
    return [await view(session, row) for row in found]


async def read(db: Database, register: Register, caller: StaffCaller, enrolment_id: UUID) -> CounterView:
    """Return the application of a number that somebody shows on their phone; the look is written down.

    Raises:
        NotFound: there is none.
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, ServiceOfOwnFamily, RegisterUnavailable.
    """
    serving.require_may(caller.staff, Purpose.ENROLMENT)
    people = await db.run(lambda session: _people(session, enrolment_id))
    await deeds.require_strangers(db, register, caller, people, Purpose.ENROLMENT)
    found = await db.run(lambda session: _read(session, caller, enrolment_id, people))
    return found or await read(db, register, caller, enrolment_id)


async def attest(
    db: Database, register: Register, hand: Hand, enrolment_id: UUID, showing: Showing, remember: Remember
) -> None:
    """Do the face step of an application by what one of the staff has seen.

    Args:
        remember: keeps the answer, in the transaction of the effect.

    Raises:
        NotFound: there is no such application.
        PreconditionRequired, PreconditionFailed: it is not said what the clerk has read, or it has changed since.
        AttestationNotPossible, DocumentsNotShown, CounterConsentNeeded, NoticeOutdated, Invalid.
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, ServiceOfOwnFamily, RegisterUnavailable, and what
        `using.open_read` raises for a card that was read.
    """
    serving.require_may(hand.staff, Purpose.ENROLMENT)
    people = await db.run(lambda session: _people(session, enrolment_id))
    await deeds.require_strangers(db, register, hand.caller, people, Purpose.ENROLMENT)
    number = await db.run(lambda session: _number(session, enrolment_id))
    registered = await register.find(number)

    async def work(session: Session) -> None:
        enrolment = await _locked(session, enrolment_id)
        if await _people(session, enrolment_id) != people or await _number(session, enrolment_id) != number:
            raise AttestationNotPossible  # somebody else was named meanwhile
        await _require_same(session, enrolment, showing)
        await hand.confirm(session)
        documents = showing.documents | await _card_of(session, hand, enrolment, showing)
        seen = Seen(hand.staff.id, hand.staff.office_id, documents, showing.consents)
        doer = Doer(enrolment.account_id, hand.caller.session_id, CHANNEL, hand.actor)
        await attesting.attest(session, enrolment, seen, doer, registered)
        await remember(session, await view(session, enrolment))

    await db.run(work)


async def view(session: Session, enrolment: Enrolment) -> CounterView:
    """Return what a clerk reads of an application."""
    owner = None if enrolment.owner_id is None else (await homes.person(session, enrolment.owner_id)).name
    phone = None
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        phone = mask_phone(await profile.phone_of(session, enrolment.account_id))
    is_possible = await attesting.is_possible(session, enrolment)
    return CounterView(
        enrolment=await viewing.view(session, enrolment),
        owner_name=None if owner is None else mask_name(owner),
        phone=phone,
        needs=await attesting.needs(session, enrolment) if is_possible else None,
    )


async def _people(session: Session, enrolment_id: UUID) -> frozenset[UUID]:
    """Return whom an application is about: the member, the owner, and whoever the account says it is."""
    enrolment = await _seen(session, enrolment_id)
    account = await session.get_one(Account, (bucket_of(enrolment.account_id), enrolment.account_id))
    people = {enrolment.member_id, enrolment.owner_id, account.person_id}
    return frozenset(each for each in people if each is not None)


async def _number(session: Session, enrolment_id: UUID) -> str:
    enrolment = await _seen(session, enrolment_id)
    await attesting.require_possible(session, enrolment)
    assert enrolment.member_id is not None
    return (await homes.person(session, enrolment.member_id)).number


async def _read(
    session: Session, caller: StaffCaller, enrolment_id: UUID, people: frozenset[UUID]
) -> CounterView | None:
    """Return an application and write the look down; None where it is about others by now than those people."""
    enrolment = await _locked(session, enrolment_id)
    if await _people(session, enrolment_id) != people:
        return None
    if loading.is_overdue(session, enrolment):
        await finishing.expire(session, enrolment)
    for home_id in sorted({enrolment.home_id, enrolment.member_id or enrolment.home_id}, key=bucket_of):
        await audit.record(
            session,
            Action.ENROLMENT_SEEN_AT_COUNTER,
            home_id=home_id,
            actor=caller.staff.actor,
            on_behalf_of=enrolment.member_id,
            facts={
                "enrolment_id": str(enrolment.id),
                "purpose": Purpose.ENROLMENT.value,
                "office": caller.staff.office_id,
            },
        )
    return await view(session, enrolment)


async def _require_same(session: Session, enrolment: Enrolment, showing: Showing) -> None:
    """Check that an application is about whom the clerk has seen.

    Raises:
        PreconditionRequired, PreconditionFailed: it is not said what the clerk has read, or it has changed since.
        AttestationNotPossible: somebody was named after it was attested without a connection.
    """
    if showing.at is not None:
        if await attesting.was_named_since(session, enrolment, showing.at):
            raise AttestationNotPossible
        return
    to_read = NextStep("read-again", f"/v1/counter/enrolments/{enrolment.id}")
    loading.require_version(enrolment, showing.version, to_read)


async def _card_of(session: Session, hand: Hand, enrolment: Enrolment, showing: Showing) -> frozenset[SeenDocument]:
    """Return that the member's card was seen, where it was read for this; it is used up by that."""
    if showing.card_read is None:
        return frozenset()
    served = await using.open_read(session, hand, showing.card_read, Purpose.ENROLMENT)
    if served.person_id != enrolment.member_id:
        raise using.CardReadForAnother
    await using.use_once(session, served)
    return frozenset({SeenDocument.SOCIAL_SECURITY_CARD})


async def _seen(session: Session, enrolment_id: UUID) -> Enrolment:
    enrolment = await session.get(Enrolment, (bucket_of(enrolment_id), enrolment_id), populate_existing=True)
    if enrolment is None:
        raise NotFound
    return enrolment


async def _locked(session: Session, enrolment_id: UUID) -> Enrolment:
    """Return an application, locked after the homes it concerns: that order is everybody's."""
    seen = await _seen(session, enrolment_id)
    await homes.lock(session, {seen.home_id, seen.account_id, seen.member_id or seen.home_id})
    enrolment = await loading.locked(session, enrolment_id)
    if enrolment is None:
        raise NotFound
    return enrolment
