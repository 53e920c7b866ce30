"""Counts uses of what may be tried only so often; exact, in one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session
from app.models.throttles import Throttle


@dataclass(frozen=True, slots=True)
class Limit:
    """So many uses of one action in a window that starts with the first use."""

    action: str
    times: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Use:
    """One use that was asked for: whether it is within the limit, how many are left, and when the window ends."""

    is_allowed: bool
    left: int
    resets_at: datetime


async def use(session: Session, limit: Limit, *, bucket: int, subject: bytes) -> Use:
    """Count one use if the limit allows it."""
    fresh = {"used": 1, "resets_at": session.now + limit.window}
    is_over = Throttle.resets_at <= session.now
    row = (
        await session.execute(
            insert(Throttle)
            .values(bucket=bucket, subject=subject, action=limit.action, **fresh)
            .on_conflict_do_update(
                index_elements=[Throttle.bucket, Throttle.subject, Throttle.action],
                set_={
                    "used": case((is_over, 1), else_=Throttle.used + 1),
                    "resets_at": case((is_over, fresh["resets_at"]), else_=Throttle.resets_at),
                },
                where=is_over | (Throttle.used < limit.times),
            )
            .returning(Throttle.used, Throttle.resets_at)
        )
    ).one_or_none()
    if row is not None:
        return Use(is_allowed=True, left=limit.times - row.used, resets_at=row.resets_at)
    resets_at = await session.scalar(select(Throttle.resets_at).where(*_row(limit, bucket, subject)))
    return Use(is_allowed=False, left=0, resets_at=resets_at or session.now + limit.window)


async def give_back(session: Session, limit: Limit, *, bucket: int, subject: bytes) -> None:
    """Take one counted use back: it turned out to be none."""
    await session.execute(
        update(Throttle)
        .where(*_row(limit, bucket, subject), Throttle.used > 0)
        .values(used=Throttle.used - 1)
        .execution_options(synchronize_session=False)
    )


async def used(session: Session, limit: Limit, *, bucket: int, subject: bytes) -> int:
    """Return how many uses the running window has seen."""
    count = await session.scalar(
        select(Throttle.used).where(*_row(limit, bucket, subject), Throttle.resets_at > session.now)
    )
    return count or 0


def _row(limit: Limit, bucket: int, subject: bytes) -> tuple[ColumnElement[bool], ...]:
    return Throttle.bucket == bucket, Throttle.subject == subject, Throttle.action == limit.action
