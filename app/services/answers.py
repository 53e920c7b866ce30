"""Gives a repeated request its first answer again (Idempotency-Key; the rules are in docs/api.md)."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, new_id
from app.core.errors import Conflict, Invalid
from app.core.sealing import KeyedDigest
from app.models.answers import KeptAnswer

_LEASE = timedelta(seconds=60)
_KEPT = timedelta(hours=24)
_BODY = "kept_answer.body"


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
    """The right to do the work of a key until the lease ends, under a name that stays when it is done again.

    `before` is what stands of it from when it was done in part.
    """

    key: RepeatKey
    id: UUID
    lease_until: datetime
    before: bytes | None = field(default=None, repr=False)


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
    unit_id = new_id(key.bucket)
    return await db.run(lambda session: _begin(session, key, unit_id))


async def keep(session: Session, unit: Unit, answer: Answer) -> None:
    """Keep the answer of a unit of work, in the transaction of its effect; sealed, for 24 hours.

    Raises:
        KeyInFlight: the unit was answered before, or its lease ended and somebody else does the work: the effect is
            undone.
    """
    kept = await session.scalar(
        update(KeptAnswer)
        .where(*_row(session, unit.key), KeptAnswer.lease_until == unit.lease_until, KeptAnswer.status.is_(None))
        .values(status=answer.status, body=_sealed(session, unit, answer.body), expires_at=session.now + _KEPT)
        .returning(KeptAnswer.unit_id)
        .execution_options(synchronize_session=False)
    )
    if kept is None:
        raise KeyInFlight(retry_after_seconds=1)


async def set_aside(session: Session, unit: Unit, part: bytes) -> None:
    """Keep what stands of a unit's answer, sealed, and free the key for the rest, in the transaction of its effect.

    Raises:
        KeyInFlight: as for `keep`.
    """
    kept = await session.scalar(
        update(KeptAnswer)
        .where(*_row(session, unit.key), KeptAnswer.lease_until == unit.lease_until, KeptAnswer.status.is_(None))
        .values(body=_sealed(session, unit, part), lease_until=session.now, expires_at=session.now + _KEPT)
        .returning(KeptAnswer.unit_id)
        .execution_options(synchronize_session=False)
    )
    if kept is None:
        raise KeyInFlight(retry_after_seconds=1)


async def close(db: Database, unit: Unit, refusal: Answer | None) -> Answer | None:
    """Close a unit whose work was undone: keep the refusal, or without one free the key.

    Returns:
        The unit's answer, if it has one all the same: a commit can succeed unheard.
    """
    return await db.run(lambda session: _close(session, unit, refusal))


async def _begin(session: Session, key: RepeatKey, unit_id: UUID) -> Unit | Answer:
    fingerprint = session.lookup.digest("request", hashlib.sha256(key.request).hexdigest())
    lease = session.now + _LEASE
    if _scopes(key)[1:] and (known := await _locked(session, key)) is not None:  # it may have come under another pepper
        return _again(session, key, known, fingerprint)
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
        return Unit(key, unit_id, lease)
    known = await _locked(session, key)
    if known is None:  # freed between the two statements
        raise KeyInFlight(retry_after_seconds=1)
    if known.unit_id == unit_id:  # taken by ourselves, unheard
        return Unit(key, unit_id, known.lease_until)
    return _again(session, key, known, fingerprint)


def _again(session: Session, key: RepeatKey, known: KeptAnswer, fingerprint: KeyedDigest) -> Unit | Answer:
    if known.expires_at <= session.now:
        known.unit_id, known.fingerprint, known.status, known.body = new_id(key.bucket), fingerprint, None, None
    elif known.fingerprint not in (fingerprint, *fingerprint.others):
        raise KeyReused
    elif answer := _kept(session, known):
        return answer
    elif known.lease_until > session.now:
        raise KeyInFlight(retry_after_seconds=2)
    known.lease_until, known.expires_at = session.now + _LEASE, session.now + _KEPT
    return Unit(key, known.unit_id, known.lease_until, _opened(session, known))


async def _close(session: Session, unit: Unit, refusal: Answer | None) -> Answer | None:
    known = await _locked(session, unit.key)
    if known is None or known.unit_id != unit.id:
        return None
    if answer := _kept(session, known):
        return answer
    if known.lease_until != unit.lease_until:  # somebody else's by now
        return None
    if refusal is None and known.body is not None:  # what stands of it stays
        known.lease_until = session.now
    elif refusal is None:
        await session.delete(known)
    else:
        known.status, known.body = refusal.status, _sealed(session, unit, refusal.body)
        known.expires_at = session.now + _KEPT
    return None


def _kept(session: Session, known: KeptAnswer) -> Answer | None:
    body = None if known.status is None else _opened(session, known)
    return None if known.status is None or body is None else Answer(known.status, body)


def _opened(session: Session, known: KeptAnswer) -> bytes | None:
    return None if known.body is None else session.vault.system.open_bytes(_BODY, known.unit_id, known.body)


def _sealed(session: Session, unit: Unit, body: bytes) -> bytes:
    return session.vault.system.seal_bytes(_BODY, unit.id, body)


async def _locked(session: Session, key: RepeatKey) -> KeptAnswer | None:
    row: KeptAnswer | None = await session.scalar(
        select(KeptAnswer).where(*_row(session, key)).with_for_update().execution_options(populate_existing=True)
    )
    return row


def _key_digest(session: Session, key: RepeatKey) -> bytes:
    return session.lookup.lasting("idempotency-key", key.key)


def _scopes(key: RepeatKey) -> tuple[bytes, ...]:
    return (key.scope, *key.scope.others) if isinstance(key.scope, KeyedDigest) else (key.scope,)


def _row(session: Session, key: RepeatKey) -> tuple[ColumnElement[bool], ...]:
    return (
        KeptAnswer.bucket == key.bucket,
        KeptAnswer.scope.in_(_scopes(key)),
        KeptAnswer.key_hmac == _key_digest(session, key),
    )
