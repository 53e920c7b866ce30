"""Follows physical cards: what the register says of them now decides what the e-cards allow.

The register is asked when it says that something has changed, every day besides (policy), and at once by whoever cannot
wait for either. Two answers can come in the wrong order, so each counts from the moment it was asked for: an older one
changes nothing. No connection is held while the register is asked.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from app.core import logging
from app.core.db import BUCKETS, Database, Session, bucket_of
from app.models.cards import Card
from app.models.channels import CardEvent
from app.ports.register import PhysicalCardStatus, Register, RegisteredPerson, RegisterUnavailable
from app.services import audit, outbox, policies
from app.services.audit import Action
from app.services.cards import announcing, losses
from app.services.people import homes

_AT_ONCE: Final = 50
_SIDE_BY_SIDE: Final = 4
_SILENCE: Final = timedelta(minutes=5)
_MESSAGES: Final = {
    PhysicalCardStatus.NOT_ACTIVATED: "card_not_activated_member",
    PhysicalCardStatus.NORMAL: "card_normal_member",
    PhysicalCardStatus.LOST: "card_lost_member",
    PhysicalCardStatus.APPLICATION_LOCKED: "card_locked_member",
    PhysicalCardStatus.LOST_TEMPORARILY: "card_lost_member",
    PhysicalCardStatus.CANCELLED: "card_cancelled_member",
}

_log = logging.logger(__name__)


async def refresh(db: Database, register: Register, person_id: UUID) -> bool:
    """Ask the register about a person now, and let their e-card follow; return whether they live, for all it says.

    Raises:
        RegisterUnavailable: it does not answer; nothing has changed.
    """
    number = (await db.run(lambda session: homes.person(session, person_id))).number
    return await _ask(db, register, person_id, number)


async def hear(db: Database, register: Register, number: str) -> None:
    """Hear that something about a person has changed: a hint to ask; somebody we do not know is nobody's business.

    Raises:
        RegisterUnavailable: it does not answer; nothing has changed.
    """
    person_id = await db.run(lambda session: homes.find(session, number))
    if person_id is not None:
        await _ask(db, register, person_id, number)


async def ask_due(db: Database, register: Register) -> int:
    """Ask about the cards whose time has come, some at once; return how many there were."""
    found = await db.run(_due)
    free = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def in_turn(person_id: UUID) -> None:
        async with free:
            try:
                await refresh(db, register, person_id)
            except RegisterUnavailable:
                _log.warning("register_silent", person_id=str(person_id))
                await db.run(partial(_put_off, person_id))

    for outcome in await asyncio.gather(*map(in_turn, found), return_exceptions=True):
        if outcome is not None:
            raise outcome
    return len(found)


async def ask_all(session: Session) -> None:
    """Let every card be asked about as soon as can be: the register was filled anew."""
    await session.execute(update(Card).values(ask_due_at=session.now))


async def _ask(db: Database, register: Register, person_id: UUID, number: str) -> bool:
    asked_at = db.clock.now()
    registered = await register.find(number)
    if registered is None:
        _log.warning("register_knows_nobody", person_id=str(person_id))
        await db.run(partial(_leave, person_id, asked_at))
        return True
    await db.run(lambda session: _follow(session, person_id, registered, asked_at))
    return registered.is_alive


async def _due(session: Session) -> Sequence[UUID]:
    rows = await session.scalars(
        select(Card.person_id).where(Card.ask_due_at <= session.now).order_by(Card.ask_due_at).limit(_AT_ONCE)
    )
    return rows.all()


async def _put_off(person_id: UUID, session: Session) -> None:
    """Ask about this one later, so that it hides no other."""
    card = await _locked(session, person_id)
    if card is not None:
        card.ask_due_at = session.now + _SILENCE


async def _leave(person_id: UUID, asked_at: datetime, session: Session) -> None:
    """Leave a card as it is, of which the register says nothing; ask about this one later."""
    card = await _locked(session, person_id)
    if card is not None:
        card.asked_at, card.ask_due_at = asked_at, session.now + _SILENCE


async def _follow(session: Session, person_id: UUID, registered: RegisteredPerson, asked_at: datetime) -> None:
    await homes.lock(session, {person_id})
    card = await _locked(session, person_id)
    if card is None:
        if not registered.is_alive:
            _tell_changed(session, person_id, "died")
        return
    if card.asked_at is not None and card.asked_at > asked_at:
        return
    every = timedelta(hours=(await policies.current(session, card.region)).card_checks.every_hours)
    card.asked_at = asked_at
    if asked_at >= card.ask_due_at:  # one that was asked for before is not what is waited for
        card.ask_due_at = _next_time(session.now, card.bucket, every)
    await _follow_life(session, card, registered)
    is_new = await _follow_number(session, card, registered)
    await _follow_status(session, card, registered, is_new=is_new)
    await losses.follow(session, card, is_new=is_new)


async def _follow_life(session: Session, card: Card, registered: RegisteredPerson) -> None:
    if registered.is_alive is (card.closed_at is None):
        return
    card.closed_at = None if registered.is_alive else session.now
    action = Action.CARD_CLOSED if card.closed_at is not None else Action.CARD_OPENED_AGAIN
    await audit.record(session, action, home_id=card.person_id, actor=audit.SYSTEM)
    await announcing.announce(session, card.person_id, CardEvent.CHANGED)
    if card.closed_at is not None:
        _tell_changed(session, card.person_id, "died")
        _tell(session, card.person_id, "card_closed_member")


async def _follow_number(session: Session, card: Card, registered: RegisteredPerson) -> bool:
    """Take over the number of a replacement and say whether it is one: e-card, issue numbers and links stay."""
    if registered.card is None:
        return False
    key = await homes.key_of(session, card.person_id)
    if key.open("card.card_number", card.person_id, card.card_number) == registered.card.number:
        return False
    card.card_number = key.seal("card.card_number", card.person_id, registered.card.number)
    await audit.record(session, Action.CARD_REPLACED, home_id=card.person_id, actor=audit.SYSTEM)
    _tell(session, card.person_id, "card_replaced_member")
    return True


async def _follow_status(session: Session, card: Card, registered: RegisteredPerson, *, is_new: bool) -> None:
    """Take over the status; a card that is no longer there is one that waits to be collected and activated."""
    status = PhysicalCardStatus.NOT_ACTIVATED if registered.card is None else registered.card.status
    before = card.physical_status
    if status is before:
        return
    card.physical_status = status
    await audit.record(
        session,
        Action.CARD_STATUS_CHANGED,
        home_id=card.person_id,
        actor=audit.SYSTEM,
        facts={"from": before.value, "to": status.value},
    )
    await announcing.announce(session, card.person_id, CardEvent.CHANGED)
    if status is PhysicalCardStatus.CANCELLED:
        _tell_changed(session, card.person_id, "card_cancelled")
    is_said = is_new and status is PhysicalCardStatus.NORMAL  # who hears of a new card need not hear that it works
    if card.closed_at is None and not is_said:
        _tell(session, card.person_id, _MESSAGES[status])


def _next_time(now: datetime, bucket: int, every: timedelta) -> datetime:
    """Return when to ask next: for each bucket at an hour of its own, so that all are spread over the time between."""
    since = now - datetime.fromtimestamp(0, now.tzinfo) - bucket / BUCKETS * every
    return now + every - since % every


def _tell(session: Session, person_id: UUID, message: str) -> None:
    outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message=message, member_id=str(person_id))


def _tell_changed(session: Session, person_id: UUID, change: str) -> None:
    """Let the family know, later: links end with a death, and with the cancellation of a card."""
    outbox.tell(session, outbox.Kind.PERSON_CHANGED, person_id, change=change)


async def _locked(session: Session, person_id: UUID) -> Card | None:
    card: Card | None = await session.get(
        Card, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True
    )
    return card
