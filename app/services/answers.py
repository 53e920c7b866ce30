"""Gives a repeated request its first answer again (Idempotency-Key; the rules are in docs/api.md)."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, new_id
from app.core.errors import Conflict, Invalid
from app.models.answers import KeptAnswer

_LEASE = timedelta(seconds=60)
_KEPT = timedelta(hours=24)


class KeyInFlight(Conflict):
    """The first request with this key is still running."""

    code = "idempotency-key-in-flight"


class KeyReused(Invalid):
    """The key came before, with another request."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class RepeatKey:
    """One key of one caller, and what was asked with it; `bucket` is the caller's."""

    bucket: int
    scope: bytes
    key: str
    request: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """The right to do the work of a key, under a name for it that stays the same when it is done again."""

    key: RepeatKey
    id: UUID


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: the status and the body as sent."""

    status: int
    body: bytes = field(repr=False)


async def begin(db: Database, key: RepeatKey) -> Unit | Answer:
    """Take a key for 60 seconds, or return the answer that is kept for it.

    Raises:
        KeyInFlight: somebody else has it.
        KeyReused: it came with another request.
    """
    return await db.run(lambda session: _begin(session, key))


async def keep(session: Session, unit: Unit, answer: Answer) -> None:
    """Keep the answer of a unit of work, in the transaction of its effect; sealed, for 24 hours."""
    await session.execute(
        update(KeptAnswer)
        .where(*_row(session, unit.key))
        .values(
            status=answer.status,
            body=session.vault.system.seal_bytes("kept_answer.body", unit.id, answer.body),
            expires_at=session.now + _KEPT,
        )
        .execution_options(synchronize_session=False)
    )


async def forget(db: Database, unit: Unit) -> None:
    """Free a key whose work came to nothing that is to be kept."""
    await db.run(lambda session: _forget(session, unit))


async def _begin(session: Session, key: RepeatKey) -> Unit | Answer:
    fingerprint = session.lookup.digest("request", hashlib.sha256(key.request).hexdigest())
    unit_id = new_id(key.bucket)
    lease = session.now + _LEASE
    mine = insert(KeptAnswer).values(
        bucket=key.bucket,
        scope=key.scope,
        key_hmac=_key_digest(session, key),
        fingerprint=fingerprint,
        unit_id=unit_id,
        lease_until=lease,
        expires_at=session.now + _KEPT,
    )
    taken = await session.scalar(mine.on_conflict_do_nothing().returning(KeptAnswer.unit_id))
    if taken is not None:
        return Unit(key, unit_id)
    known = await session.scalar(
        select(KeptAnswer).where(*_row(session, key)).with_for_update().execution_options(populate_existing=True)
    )
    if known is None:  # freed between the two statements
        raise KeyInFlight(retry_after_seconds=1)
    return _again(session, key, known, fingerprint)


def _again(session: Session, key: RepeatKey, known: KeptAnswer, fingerprint: bytes) -> Unit | Answer:
    if known.expires_at <= session.now:
        known.unit_id, known.fingerprint, known.status, known.body = new_id(key.bucket), fingerprint, None, None
    elif known.fingerprint != fingerprint:
        raise KeyReused
    elif known.status is not None and known.body is not None:
        body = session.vault.system.open_bytes("kept_answer.body", known.unit_id, known.body)
        return Answer(known.status, body)
    elif known.lease_until > session.now:
        raise KeyInFlight(retry_after_seconds=2)
    known.lease_until, known.expires_at = session.now + _LEASE, session.now + _KEPT
    return Unit(key, known.unit_id)


async def _forget(session: Session, unit: Unit) -> None:
    await session.execute(
        delete(KeptAnswer).where(*_row(session, unit.key), KeptAnswer.status.is_(None), KeptAnswer.unit_id == unit.id)
    )


def _key_digest(session: Session, key: RepeatKey) -> bytes:
    return session.lookup.digest("idempotency-key", key.key)


def _row(session: Session, key: RepeatKey) -> tuple[ColumnElement[bool], ...]:
    return (
        KeptAnswer.bucket == key.bucket,
        KeptAnswer.scope == key.scope,
        KeptAnswer.key_hmac == _key_digest(session, key),
    )
