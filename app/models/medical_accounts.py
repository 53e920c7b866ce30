"""The book of what was drawn from medical personal accounts: entries that sum to zero, written once.

What is left in an account, whoever keeps it says (`app.ports.medical_funds`); here stands what offices got of whom.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, bucket_agrees, words

MONEY = Numeric(14, 2)


class Movement(StrEnum):
    """Why money moves: out by a draw, back by its reversal; the embedded keeper of accounts has credits besides.

    A return gave what was left back to the fund, when an account was closed and the balances were ours.
    """

    CREDIT = "credit"
    DRAW = "draw"
    REVERSAL = "reversal"
    RETURN = "return"


class LedgerEntry(Bucketed, Base):
    """One side of a movement; the server's role in the database may insert and read it, never change or delete it.

    `account_id` is a person, or what `medical_accounts.booking` makes of an office. `amount` is what it has more (or
    less, below zero) since.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        bucket_agrees("account_id"),
        CheckConstraint("amount <> 0", name="moves_something"),
        Index("ix_ledger_entry_movement", "movement_id"),
        {"info": PERSONAL},
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    movement_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[Movement] = mapped_column(words(Movement))
    amount: Mapped[Decimal] = mapped_column(MONEY)
    booked_at: Mapped[datetime]
