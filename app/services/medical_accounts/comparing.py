"""Adds the book up: each movement against zero."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, tuple_

from app.core.db import Database, Session
from app.models.medical_accounts import LedgerEntry

_FIRST: Final = (-1,)


async def unequal(db: Database, *, at_once: int = 500) -> Sequence[UUID]:
    """Return movements that do not sum to zero.

    `at_once` rows at a time, and what looks wrong once more: on a cluster a look at several homes is of no one moment.
    """
    movements: set[UUID] = set()
    after: tuple[Any, ...] | None = _FIRST
    while after is not None:
        suspects, after = await db.run(partial(_look, after, at_once))
        if suspects:
            movements |= await db.run(partial(_lopsided, suspects))
    return sorted(movements)


async def _look(after: tuple[Any, ...], at_once: int, session: Session) -> tuple[set[UUID], tuple[Any, ...] | None]:
    """Return which movements of the next entries look lopsided, and the place to go on from."""
    key = (LedgerEntry.bucket, LedgerEntry.account_id, LedgerEntry.movement_id)
    found = await session.execute(select(*key).where(tuple_(*key[: len(after)]) > after).order_by(*key).limit(at_once))
    rows = found.all()
    wrong = await _lopsided({row[2] for row in rows}, session)
    return wrong, tuple(rows[-1]) if rows else None


async def _lopsided(movement_ids: Collection[UUID], session: Session) -> set[UUID]:
    found = await session.scalars(
        select(LedgerEntry.movement_id)
        .where(LedgerEntry.movement_id.in_(movement_ids))
        .group_by(LedgerEntry.movement_id)
        .having(func.sum(LedgerEntry.amount) != 0)
    )
    return set(found)
