"""Rules that sources disagree on or that regions set: rows by date and region, typed and cached.

The first values are loaded by migration (`migrations/data`); their shapes are in `rules`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.core.clock import today
from app.core.db import Database, Session
from app.models.policies import Policy, PolicyChange
from app.services.rules import Policies

EVERYWHERE = "000000"
_CACHE_SECONDS = 5.0


_Rows = list[tuple[str, str, date, date | None, dict[str, Any]]]


@dataclass(slots=True)
class _Known:
    """The rows as they were read last, until when they serve, and what was made of them for a day and a region."""

    until: float
    rows: _Rows
    resolved: dict[tuple[date, str], Policies] = field(default_factory=dict)


_cache: "WeakKeyDictionary[AsyncEngine | AsyncConnection, _Known]" = WeakKeyDictionary()


async def current(session: Session, region: str = EVERYWHERE) -> Policies:
    """Return the rules that hold now in a region (GB/T 2260): the narrowest row wins, then the newest.

    Rows are read again after five seconds at most.
    """
    engine = session.bind
    assert engine is not None
    known = _fresh(engine)
    if known is None:
        statement = select(Policy.code, Policy.region, Policy.valid_from, Policy.valid_to, Policy.value)
        rows = [(code, place, start, end, value) for code, place, start, end, value in await session.execute(statement)]
        _cache[engine] = known = _Known(time.monotonic() + _CACHE_SECONDS, rows)
    return _of_day(known, today(session.now), region)


async def at_hand(db: Database, region: str = EVERYWHERE) -> Policies:
    """Return the same as `current`, without a trip to the database while the rows are known: for hot reads."""
    known = _fresh(db.engine)
    if known is None:
        return await db.run(lambda session: current(session, region))
    return _of_day(known, today(db.clock.now()), region)


async def every(session: Session) -> Sequence[Policy]:
    """Return all rows, past and to come, by code, region and first day."""
    rows = await session.scalars(select(Policy).order_by(Policy.code, Policy.region, Policy.valid_from))
    return rows.all()


async def changes(session: Session) -> Sequence[PolicyChange]:
    """Return who has set which rule from the command line, the newest first."""
    rows = await session.scalars(select(PolicyChange).order_by(PolicyChange.at.desc(), PolicyChange.code))
    return rows.all()


def _fresh(engine: AsyncEngine | AsyncConnection) -> _Known | None:
    known = _cache.get(engine)
    return known if known is not None and known.until >= time.monotonic() else None


def _of_day(known: _Known, day: date, region: str) -> Policies:
    found = known.resolved.get((day, region))
    if found is None:
        found = known.resolved[day, region] = _resolve(known.rows, day, region)
    return found


def _resolve(rows: _Rows, day: date, region: str) -> Policies:
    scopes = (EVERYWHERE, region[:2] + "0000", region[:4] + "00", region)
    valid = [
        (scopes.index(place), start, code, value)
        for code, place, start, end, value in rows
        if place in scopes and start <= day and (end is None or day < end)
    ]
    chosen = {
        code: {**value, "since": start} for _, start, code, value in sorted(valid, key=lambda row: (row[0], row[1]))
    }
    return Policies.model_validate(chosen)
