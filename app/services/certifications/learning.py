"""Brings in what the authority says: of everybody with a card now and then, and before somebody is reminded."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import Date, DateTime, exists, literal, select
from sqlalchemy.dialects.postgresql import insert

from app.core import logging
from app.core.clock import today
from app.core.db import BUCKETS, Database, Session
from app.models.cards import Card
from app.models.certifications import Recipient, Standing
from app.ports.certifications import Certifications, CertificationsUnavailable, Entitlement
from app.services import policies
from app.services.certifications import ending, reminding, rows, turning
from app.services.people import homes

_AT_ONCE: Final = 50
_SLICE: Final = BUCKETS // 64

_log = logging.logger(__name__)


async def look_due(db: Database, port: Certifications) -> int:
    """Look after those whose time has come; return how many they were."""

    async def due(session: Session) -> Sequence[UUID]:
        rows_due = await session.scalars(
            select(Recipient.person_id)
            .where(Recipient.look_at <= session.now)
            .order_by(Recipient.look_at)
            .limit(_AT_ONCE)
        )
        return rows_due.all()

    found = await db.run(due)
    for person_id in found:
        await look_after(db, port, person_id)
    return len(found)


async def look_after(db: Database, port: Certifications, person_id: UUID) -> None:
    """Ask the authority about somebody, lead them on, and remind whoever is to be reminded.

    Where it does not answer, time goes on all the same, by what it said last. No connection is held while it thinks.
    """
    said = await ask(db, port, person_id)
    await db.run(partial(_look, person_id, said))


async def ask(db: Database, port: Certifications, person_id: UUID) -> Entitlement | None:
    """Return what the authority says of somebody; None where it does not answer."""
    number = (await db.run(lambda session: homes.person(session, person_id))).number
    try:
        return await port.entitlement(number)
    except CertificationsUnavailable:
        _log.warning("certifications_silent", person_id=str(person_id))
        return None


async def bring_in(session: Session, person_id: UUID, said: Entitlement) -> Recipient:
    """Bring in what the authority says of somebody, whose home is locked; certified by others, they are told."""
    recipient = await rows.locked(session, person_id)
    is_first, known = recipient.record is None, await rows.entitlement(session, recipient)
    turn = await turning.by_learning(session, recipient, said)
    is_newer = said.certified_on is not None and (known.certified_on is None or said.certified_on > known.certified_on)
    if is_newer and not is_first:
        await ending.certified_elsewhere(session, recipient, said)
    if turn.before is Standing.IN_REVIEW and turn.now is not Standing.IN_REVIEW:
        await ending.no_longer_looked_at(session, person_id)
    await reminding.tell_turn(session, recipient, turn)
    return recipient


async def begin_new(db: Database) -> int:
    """Begin to look after everybody who has a card and is not looked after yet; return how many they are.

    A sixty-fourth of the cards at a time, by key.
    """
    count = 0
    for start in range(0, BUCKETS, _SLICE):
        count += await db.run(partial(_begin_new, start))
    return count


async def _look(person_id: UUID, said: Entitlement | None, session: Session) -> None:
    await homes.lock(session, {person_id})
    recipient = await rows.locked(session, person_id)
    if recipient.look_at > session.now:
        return  # somebody was faster
    if said is not None:
        recipient = await bring_in(session, person_id, said)
    else:
        rules = (await policies.current(session)).certifications
        await reminding.tell_turn(session, recipient, await turning.by_time(session, recipient))
        recipient.look_at = session.now + timedelta(minutes=rules.again_minutes)
    await reminding.remind(session, recipient)


async def _begin_new(start: int, session: Session) -> int:
    is_known = exists().where(Recipient.bucket == Card.bucket, Recipient.person_id == Card.person_id)
    fresh = select(
        Card.bucket,
        Card.person_id,
        literal(Standing.NOT_DUE.value),
        literal(today(session.now), Date),
        literal(session.now, DateTime(timezone=True)),
    ).where(Card.bucket.between(start, start + _SLICE - 1), ~is_known)
    added = await session.scalars(
        insert(Recipient)
        .from_select(["bucket", "person_id", "state", "staged_on", "look_at"], fresh)
        .on_conflict_do_nothing()
        .returning(Recipient.person_id)
    )
    return len(added.all())
