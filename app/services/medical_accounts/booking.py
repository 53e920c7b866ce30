"""The one place that writes the book: what an office got of whom, in entries that sum to zero, in one unit of work."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from app.core.db import Session, bucket_of, named_id
from app.models.medical_accounts import LedgerEntry, Movement
from app.services.medical_accounts.amounts import NOTHING


async def book(
    session: Session, kind: Movement, movement_id: UUID, given: Mapping[UUID, Decimal], office_id: str
) -> None:
    """Write down what an office has got of people, or below zero given back to them."""
    sides = {person_id: -amount for person_id, amount in given.items()}
    sides[office_account(office_id)] = sum(given.values(), NOTHING)
    for account_id, amount in sides.items():
        session.add(
            LedgerEntry(
                bucket=bucket_of(account_id),
                account_id=account_id,
                movement_id=movement_id,
                kind=kind,
                amount=amount,
                booked_at=session.now,
            )
        )
    await session.flush()


def office_account(office_id: str) -> UUID:
    """Return an office's account, which is nobody's home."""
    return named_id(f"medical-account:office:{office_id}")
