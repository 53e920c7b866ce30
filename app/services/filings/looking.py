"""Follows the filings that have left: asks the other side now and then, and believes what follows from what it said.

Asked again it tells all steps from the first on. What it said before must still be said, and what is new must follow
from it; an answer that goes back, leaves something out or comes to an impossible state changes nothing, is written
into the log, and it is asked again later.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select, update

from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.core.errors import Unavailable
from app.models.filings import Filing
from app.services.filings import finding
from app.services.filings.finding import F
from app.services.rules.filing import Looks

AT_ONCE: Final = 50
_BESIDE: Final = 4  # one that is slow to answer keeps few others waiting
_LEASE: Final = timedelta(minutes=2)  # longer than an answer may take
_SPREAD: Final = 997

_log = logging.logger(__name__)


class NotBelieved(Exception):
    """What the other side says cannot be true; the word says why."""


class News(Protocol):
    """A step as the other side tells it: which one it is, and its own code for it."""

    @property
    def stage(self) -> StrEnum: ...
    @property
    def code(self) -> str: ...


N = TypeVar("N", bound=News)


async def look_due(
    db: Database,
    kind: type[F],
    look: Callable[[UUID], Awaitable[None]],
    look_later: Callable[[Session, F], Awaitable[None]],
) -> int:
    """Look how those filings go that it is time to look at; return how many.

    Args:
        look: asks the other side, and writes down what it says; it may raise `Unavailable` or `NotBelieved`.
        look_later: writes down when to ask again, after a failure more.
    """
    found = await db.run(partial(_due, kind))
    free = asyncio.Semaphore(_BESIDE)

    async def in_turn(filing_id: UUID) -> None:
        async with free:
            if await db.run(partial(_take, kind, filing_id)) and not await _has_heard(kind, look, filing_id):
                await db.run(partial(_put_off, kind, look_later, filing_id))

    await asyncio.gather(*map(in_turn, found))
    return len(found)


def set_due(session: Session, filing: Filing, rules: Looks) -> None:
    """Write down when the other side is asked next: after twice as long for each failure, up to an end.

    It is spread by the id, so that what came together is not asked together.
    """
    minutes = min(rules.look_minutes * 2 ** min(filing.failures, 20), rules.look_minutes_at_most)
    filing.due_at = session.now + timedelta(minutes=minutes) * (1 + filing.id.int % _SPREAD / _SPREAD / 4)


def fresh(news: Sequence[N], steps: Iterable[tuple[StrEnum, str | None]]) -> Sequence[N]:
    """Return what is new beside the steps that are written down; those without a code are ours.

    Raises:
        NotBelieved: what was said before is said no more.
    """
    heard = [(state.value, code) for state, code in steps if code is not None]
    if [(each.stage.value, each.code) for each in news[: len(heard)]] != heard:
        raise NotBelieved("goes_back")
    return news[len(heard) :]


async def _due(kind: type[Filing], session: Session) -> Sequence[UUID]:
    found = await session.scalars(
        select(kind.id).where(kind.due_at <= session.now).order_by(kind.due_at).limit(AT_ONCE)
    )
    return found.all()


async def _take(kind: type[Filing], filing_id: UUID, session: Session) -> bool:
    """Take a filing to ask about for two minutes, unless somebody was faster."""
    taken = await session.scalar(
        update(kind)
        .where(kind.bucket == bucket_of(filing_id), kind.id == filing_id, kind.due_at <= session.now)
        .values(due_at=session.now + _LEASE)
        .returning(kind.id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


async def _has_heard(kind: type[Filing], look: Callable[[UUID], Awaitable[None]], filing_id: UUID) -> bool:
    try:
        await look(filing_id)
    except NotBelieved as error:
        _log.warning(f"{kind.__tablename__}_not_believed", filing_id=str(filing_id), why=str(error))
    except Unavailable:
        _log.warning(f"{kind.__tablename__}_not_heard", filing_id=str(filing_id))
    else:
        return True
    return False


async def _put_off(
    kind: type[F], look_later: Callable[[Session, F], Awaitable[None]], filing_id: UUID, session: Session
) -> None:
    filing = await finding.locked(session, kind, filing_id)
    if filing.due_at is not None:  # it has not ended meanwhile
        filing.failures += 1
        await look_later(session, filing)
