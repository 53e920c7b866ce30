"""The one place where money moves: entries that sum to zero, and the balances that follow, in one unit of work.

Whoever books locks the accounts first (`lock`), in the order that everything here is locked in, and sees then what is
in them; the database refuses all the same what would leave less than nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.models.medical_accounts import LedgerEntry, MedicalAccount, Movement

NOTHING: Final = Decimal("0.00")


class NotBalanced(ValueError):
    """The entries of a movement do not sum to zero: a fault of ours, never of whoever asks."""


@dataclass(frozen=True, slots=True)
class Posting:
    """What one account has more since a movement, or less; to the cent."""

    account_id: UUID
    amount: Decimal
    is_persons: bool

    @classmethod
    def of_person(cls, person_id: UUID, amount: Decimal) -> Self:
        """Return the side of somebody's personal account."""
        return cls(person_id, amount, is_persons=True)

    @classmethod
    def of_office(cls, office_id: str, amount: Decimal) -> Self:
        """Return the side of the account in which an office's draws are settled."""
        return cls(_institution(f"office:{office_id}"), amount, is_persons=False)

    @classmethod
    def of_fund(cls, amount: Decimal) -> Self:
        """Return the side of the fund that all credits come from."""
        return cls(_institution("fund"), amount, is_persons=False)


async def open_for(session: Session, person_id: UUID) -> None:
    """Give somebody an account with nothing in it, unless they have one."""
    await session.execute(
        insert(MedicalAccount)
        .values(bucket=bucket_of(person_id), person_id=person_id, balance=NOTHING, opened_at=session.now)
        .on_conflict_do_nothing(index_elements=[MedicalAccount.bucket, MedicalAccount.person_id])
    )


async def lock(session: Session, person_ids: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Lock people's accounts, always in the same order, one statement each; return what is in them.

    Who has no account is not among them.
    """
    found: dict[UUID, Decimal] = {}
    for person_id in sorted(set(person_ids), key=lambda person_id: (bucket_of(person_id), person_id)):
        balance = await session.scalar(
            select(MedicalAccount.balance)
            .where(MedicalAccount.bucket == bucket_of(person_id), MedicalAccount.person_id == person_id)
            .with_for_update()
        )
        if balance is not None:
            found[person_id] = balance
    return found


async def balance_of(session: Session, person_id: UUID) -> Decimal | None:
    """Return what is in somebody's account now, if they have one."""
    balance: Decimal | None = await session.scalar(
        select(MedicalAccount.balance).where(
            MedicalAccount.bucket == bucket_of(person_id), MedicalAccount.person_id == person_id
        )
    )
    return balance


async def book(session: Session, kind: Movement, movement_id: UUID, postings: Sequence[Posting]) -> None:
    """Write a movement down and let the balances follow; the accounts of people are there.

    Raises:
        NotBalanced: the amounts do not sum to zero, or move nothing.
    """
    if sum((posting.amount for posting in postings), NOTHING) != 0 or not all(posting.amount for posting in postings):
        raise NotBalanced
    for posting in sorted(postings, key=lambda posting: (bucket_of(posting.account_id), posting.account_id)):
        if posting.is_persons:
            await _move(session, posting)
        session.add(
            LedgerEntry(
                bucket=bucket_of(posting.account_id),
                account_id=posting.account_id,
                movement_id=movement_id,
                kind=kind,
                amount=posting.amount,
                booked_at=session.now,
            )
        )
    await session.flush()


async def _move(session: Session, posting: Posting) -> None:
    moved = await session.scalar(
        update(MedicalAccount)
        .where(MedicalAccount.bucket == bucket_of(posting.account_id), MedicalAccount.person_id == posting.account_id)
        .values(balance=MedicalAccount.balance + posting.amount)
        .returning(MedicalAccount.person_id)
        .execution_options(synchronize_session=False)
    )
    assert moved is not None, "nobody books for whom no account was opened"


def _institution(name: str) -> UUID:
    """Return the account of what is nobody's home: a UUIDv8 (RFC 9562 §5.8) that follows from its name for ever."""
    raw = bytearray(hashlib.sha256(f"medical-account:{name}".encode()).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))
