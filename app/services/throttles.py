"""Counts uses of what may be tried only so often; exact, in one statement."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session
from app.core.errors import TooMany
from app.core.sealing import KeyedDigest
from app.models.throttles import Throttle


@dataclass(frozen=True, slots=True)
class Limit:
    """So many uses of one action in a window that starts with the first use."""

    action: str
    times: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Counter:
    """Whose uses are counted against a limit, and in which bucket the count lies."""

    limit: Limit
    bucket: int
    subject: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Use:
    """One use that was asked for: whether it is within the limit, the uses so far, and when the window ends."""

    is_allowed: bool
    used: int
    resets_at: datetime

    def wait_seconds(self, now: datetime) -> int:
        """Return the whole seconds until the window ends, at least one."""
        return max(1, ceil((self.resets_at - now).total_seconds()))


async def use(session: Session, counter: Counter) -> Use:
    """Count one use if the limit allows it; a limit of none allows none."""
    if counter.limit.times < 1:
        return Use(is_allowed=False, used=0, resets_at=session.now + counter.limit.window)
    await _carry_over(session, counter)
    fresh = {"used": 1, "resets_at": session.now + counter.limit.window}
    is_over = Throttle.resets_at <= session.now
    row = (
        await session.execute(
            insert(Throttle)
            .values(bucket=counter.bucket, subject=counter.subject, action=counter.limit.action, **fresh)
            .on_conflict_do_update(
                index_elements=[Throttle.bucket, Throttle.subject, Throttle.action],
                set_={
                    "used": case((is_over, 1), else_=Throttle.used + 1),
                    "resets_at": case((is_over, fresh["resets_at"]), else_=Throttle.resets_at),
                },
                where=is_over | (Throttle.used < counter.limit.times),
            )
            .returning(Throttle.used, Throttle.resets_at)
        )
    ).one_or_none()
    if row is not None:
        return Use(is_allowed=True, used=row.used, resets_at=row.resets_at)
    resets_at = await session.scalar(select(Throttle.resets_at).where(*_row(counter)))
    return Use(is_allowed=False, used=counter.limit.times, resets_at=resets_at or session.now + counter.limit.window)


async def require(session: Session, counter: Counter, refusal: type[TooMany]) -> None:
    """Count one use.

    Raises:
        TooMany: the limit does not allow it; `refusal` says when it will.
    """
    used = await use(session, counter)
    if not used.is_allowed:
        raise refusal(
            retry_after_seconds=used.wait_seconds(session.now),
            quota=counter.limit.times,
            window_seconds=int(counter.limit.window.total_seconds()),
        )


async def give_back(session: Session, counter: Counter) -> None:
    """Take one counted use back: it turned out to be none."""
    await session.execute(
        update(Throttle)
        .where(*_row(counter), Throttle.used > 0)
        .values(used=Throttle.used - 1)
        .execution_options(synchronize_session=False)
    )


def _row(counter: Counter) -> tuple[ColumnElement[bool], ...]:
    return (
        Throttle.bucket == counter.bucket,
        Throttle.subject.in_([counter.subject, *_others(counter)]),
        Throttle.action == counter.limit.action,
    )


async def _carry_over(session: Session, counter: Counter) -> None:
    """Let what was counted under another pepper count on under the one that is written: a rotation frees nobody."""
    others = _others(counter)
    if not others:
        return
    here = {"bucket": counter.bucket, "action": counter.limit.action, "subject": counter.subject}
    elsewhere = await session.execute(
        delete(Throttle)
        .where(
            Throttle.bucket == counter.bucket,
            Throttle.action == counter.limit.action,
            Throttle.subject.in_(others),
        )
        .returning(Throttle.used, Throttle.resets_at)
    )
    for row in elsewhere.all():
        if row.resets_at > session.now:
            await session.execute(
                insert(Throttle)
                .values(**here, used=row.used, resets_at=row.resets_at)
                .on_conflict_do_update(
                    index_elements=[Throttle.bucket, Throttle.subject, Throttle.action],
                    set_={"used": Throttle.used + row.used},
                )
            )


def _others(counter: Counter) -> tuple[bytes, ...]:
    return counter.subject.others if isinstance(counter.subject, KeyedDigest) else ()
