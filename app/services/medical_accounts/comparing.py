"""Adds the book up: each balance against its entries, each movement against zero."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, tuple_

from app.core.db import Database, Session, bucket_of
from app.models.medical_accounts import LedgerEntry, MedicalAccount
from app.services.medical_accounts import booking

_FIRST: Final = (-1,)


@dataclass(frozen=True, slots=True)
class Unequal:
    """What does not add up: accounts by their people, and movements."""

    accounts: Sequence[UUID]
    movements: Sequence[UUID]

    def __len__(self) -> int:
        return len(self.accounts) + len(self.movements)


async def unequal(db: Database, *, at_once: int = 500) -> Unequal:
    """Return the accounts whose balance is not what their entries sum to, and movements that do not sum to zero.

    `at_once` rows at a time, and what looks wrong once more with the accounts locked: what is booked meanwhile is no
    fault.
    """
    accounts: set[UUID] = set()
    after: tuple[Any, ...] | None = _FIRST
    while after is not None:
        suspects, after = await db.run(partial(_look_at_accounts, after, at_once))
        for person_id in suspects:
            if await db.run(partial(_is_wrong, person_id)):
                accounts.add(person_id)
    movements: set[UUID] = set()
    after = _FIRST
    while after is not None:
        moved, after = await db.run(partial(_look_at_entries, after, at_once))
        for movement_id in moved - movements:
            if await db.run(partial(_is_lopsided, movement_id)):
                movements.add(movement_id)
    return Unequal(sorted(accounts), sorted(movements))


async def _look_at_accounts(
    after: tuple[Any, ...], at_once: int, session: Session
) -> tuple[set[UUID], tuple[Any, ...] | None]:
    """Return which of the next accounts look wrong, and the place to go on from."""
    key = (MedicalAccount.bucket, MedicalAccount.person_id)
    sums = (
        select(func.coalesce(func.sum(LedgerEntry.amount), 0))
        .where(LedgerEntry.bucket == MedicalAccount.bucket, LedgerEntry.account_id == MedicalAccount.person_id)
        .scalar_subquery()
    )
    found = await session.execute(
        select(*key, MedicalAccount.balance, sums)
        .where(tuple_(*key[: len(after)]) > after)
        .order_by(*key)
        .limit(at_once)
    )
    rows = found.all()
    wrong = {person_id for _, person_id, balance, booked in rows if balance != booked}
    return wrong, (rows[-1][0], rows[-1][1]) if rows else None


async def _look_at_entries(
    after: tuple[Any, ...], at_once: int, session: Session
) -> tuple[set[UUID], tuple[Any, ...] | None]:
    """Return which movements of the next entries look lopsided, and the place to go on from."""
    key = (LedgerEntry.bucket, LedgerEntry.account_id, LedgerEntry.movement_id)
    found = await session.execute(select(*key).where(tuple_(*key[: len(after)]) > after).order_by(*key).limit(at_once))
    rows = found.all()
    wrong = await _lopsided(session, {row[2] for row in rows})
    return wrong, tuple(rows[-1]) if rows else None


async def _is_wrong(person_id: UUID, session: Session) -> bool:
    """Add an account up while nobody books in it."""
    balance = (await booking.lock(session, {person_id}))[person_id]
    booked = await session.scalar(
        select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
            LedgerEntry.bucket == bucket_of(person_id), LedgerEntry.account_id == person_id
        )
    )
    return balance != booked


async def _is_lopsided(movement_id: UUID, session: Session) -> bool:
    """Add a movement up once whoever was booking it has ended."""
    accounts = await session.scalars(select(LedgerEntry.account_id).where(LedgerEntry.movement_id == movement_id))
    await booking.lock(session, accounts.all())
    return bool(await _lopsided(session, {movement_id}))


async def _lopsided(session: Session, movement_ids: Collection[UUID]) -> set[UUID]:
    found = await session.scalars(
        select(LedgerEntry.movement_id)
        .where(LedgerEntry.movement_id.in_(movement_ids))
        .group_by(LedgerEntry.movement_id)
        .having(func.sum(LedgerEntry.amount) != 0)
    )
    return set(found)
