"""Holds our draws against the keeper's book: what they say is paid and given back, and what we say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, or_, select, tuple_

from app.core.db import Database, Session, bucket_of
from app.models.draws import Draw, DrawReversal, DrawState
from app.ports.medical_funds import MedicalFunds, Paid

AT_ONCE: Final = 100
"""As many as the port is asked about in one go."""
_LOOKED_BACK: Final = timedelta(days=3)  # each night's look; one that was missed makes no hole
_FIRST: Final = (-1,)


@dataclass(frozen=True, slots=True)
class _Page:
    """What we know to be paid of some draws (None: nothing), and the place to go on from."""

    known: Mapping[UUID, Paid | None]
    after: tuple[Any, ...] | None


async def differing(db: Database, port: MedicalFunds, *, at_once: int = AT_ONCE) -> Sequence[UUID]:
    """Return draws of the last three days, or given back in them, of which the keeper's book says something else.

    What is not known yet is left out. `at_once` draws at a time, no connection held while the port is asked, and what
    looks different once more: it may have been settled between.

    Raises:
        MedicalFundsUnavailable: the keeper does not answer.
    """
    since, found = db.clock.now() - _LOOKED_BACK, list[UUID]()
    after: tuple[Any, ...] | None = _FIRST
    while after is not None:
        page = await db.run(partial(_look, _since(since, after).limit(at_once)))
        suspects = await _differ(port, page.known)
        if suspects:
            again = await db.run(partial(_look, _known().where(*_among(suspects))))
            found += await _differ(port, again.known)
        after = page.after
    return found


async def _differ(port: MedicalFunds, known: Mapping[UUID, Paid | None]) -> Sequence[UUID]:
    theirs = await port.paid(known.keys()) if known else {}
    return [draw_id for draw_id, paid in known.items() if theirs.get(draw_id) != paid]


async def _look(query: Select[Any], session: Session) -> _Page:
    rows = (await session.execute(query)).all()
    known = {row.id: _paid(row) for row in rows if not _is_open(row)}
    return _Page(known, (rows[-1].bucket, rows[-1].id) if rows else None)


def _known() -> Select[Any]:
    on = (DrawReversal.bucket == Draw.bucket) & (DrawReversal.draw_id == Draw.id)
    columns: Sequence[Any] = (Draw.bucket, Draw.id, Draw.state, Draw.covered)
    return select(*columns, DrawReversal.asked_at, DrawReversal.reversed_at).outerjoin(DrawReversal, on)


def _since(since: datetime, after: tuple[Any, ...]) -> Select[Any]:
    key = (Draw.bucket, Draw.id)
    is_late = or_(Draw.drawn_at > since, DrawReversal.asked_at > since)
    return _known().where(tuple_(*key[: len(after)]) > after, is_late).order_by(*key)


def _among(draw_ids: Sequence[UUID]) -> Sequence[Any]:
    return Draw.bucket.in_({bucket_of(each) for each in draw_ids}), Draw.id.in_(draw_ids)


def _is_open(row: Row[Any]) -> bool:
    """Say whether it is not known yet how it ends."""
    return row.state is DrawState.PENDING or (row.asked_at is not None and row.reversed_at is None)


def _paid(row: Row[Any]) -> Paid | None:
    return Paid(row.covered, row.reversed_at is not None) if row.state is DrawState.SETTLED else None
