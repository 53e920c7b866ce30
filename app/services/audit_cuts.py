"""Cuts the oldest events off a home's chain, and signs where the rest goes on from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import delete, func, select

from app.core.db import Session, bucket_of
from app.models.audit import AuditCut, AuditEvent, AuditHead

_DOMAIN: Final = b"audit-cut"  # what a signature is made over begins with it: no event's code is ever a signature


@dataclass(frozen=True, slots=True)
class Cut:
    """How many events of a home are gone, or would be, and when the oldest of them was written."""

    count: int
    oldest: datetime


async def start(session: Session, home_id: UUID) -> AuditCut | None:
    """Return where a home's chain begins; None where nothing has been cut off."""
    return await session.get(AuditCut, (bucket_of(home_id), home_id), populate_existing=True)


def holds(session: Session, cut: AuditCut) -> bool:
    """Say whether a cut was signed by us."""
    return session.chain.holds(_DOMAIN, _content(cut), cut.signature)


async def look(session: Session, home_id: UUID, before: datetime) -> Cut | None:
    """Return what `cut` would cut off; None where that is nothing."""
    last = await _last_before(session, home_id, before)
    count, oldest = (
        await session.execute(
            select(func.count(), func.min(AuditEvent.at)).where(
                AuditEvent.bucket == bucket_of(home_id), AuditEvent.home_id == home_id, AuditEvent.seq <= last
            )
        )
    ).one()
    return Cut(count, oldest) if count else None


async def cut(session: Session, home_id: UUID, before: datetime) -> Cut | None:
    """Delete the events of a home that were all written before a moment, and sign where the rest goes on from.

    It takes the role that owns the tables. The head stays locked until the transaction ends, so whoever verifies the
    chain sees it before or after.
    """
    bucket = bucket_of(home_id)
    await session.get_one(AuditHead, (bucket, home_id), with_for_update=True, populate_existing=True)
    found = await look(session, home_id, before)
    if found is None:
        return None
    newest = await session.get_one(AuditEvent, (bucket, home_id, await _last_before(session, home_id, before)))
    mark = await start(session, home_id) or AuditCut(bucket=bucket, home_id=home_id)
    mark.seq, mark.mac, mark.at, mark.cut_at = newest.seq, newest.mac, newest.at, session.now
    mark.signature = session.chain.mac(_DOMAIN, _content(mark))
    session.add(mark)
    await session.execute(
        delete(AuditEvent)
        .where(AuditEvent.bucket == bucket, AuditEvent.home_id == home_id, AuditEvent.seq <= mark.seq)
        .execution_options(synchronize_session=False)
    )
    return found


async def _last_before(session: Session, home_id: UUID, before: datetime) -> int:
    """Return the number of the last event before the first one that stays; 0 where none goes."""
    theirs = (AuditEvent.bucket == bucket_of(home_id), AuditEvent.home_id == home_id)
    stays = await session.scalar(select(func.min(AuditEvent.seq)).where(*theirs, AuditEvent.at >= before))
    if stays is not None:
        return int(stays) - 1
    return await session.scalar(select(func.max(AuditEvent.seq)).where(*theirs)) or 0


def _content(cut: AuditCut) -> bytes:
    return orjson.dumps([str(cut.home_id), cut.seq, cut.mac.hex(), cut.at.isoformat(), cut.cut_at.isoformat()])
