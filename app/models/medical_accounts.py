"""Medical personal accounts and the book behind them: every movement is entries that sum to zero, written once.

A person's account is a balance in their home. An office's and the fund's have none: their entries are all there is, so
that nobody waits for anybody at a busy counter.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, bucket_agrees, words

MONEY = Numeric(14, 2)


class Movement(StrEnum):
    """Why money moves: in by an authority's credit, out by a draw, back by its reversal, to the fund at the end."""

    CREDIT = "credit"
    DRAW = "draw"
    REVERSAL = "reversal"
    RETURN = "return"


class MedicalAccount(Bucketed, Base):
    """What is left in a person's medical personal account; it outlives their name with nothing in it."""

    __tablename__ = "medical_account"
    __table_args__ = (
        bucket_agrees("person_id"),
        ForeignKeyConstraint(["bucket", "person_id"], ["home.bucket", "home.id"]),
        CheckConstraint("balance >= 0", name="never_below_zero"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    balance: Mapped[Decimal] = mapped_column(MONEY)
    opened_at: Mapped[datetime]


class LedgerEntry(Bucketed, Base):
    """One side of a movement; the server's role in the database may insert and read it, never change or delete it.

    `account_id` is a person, or what `medical_accounts.booking` makes of an office or of the fund. `amount` is what it
    has more (or less, below zero) since.
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


class MedicalCredit(Bucketed, Base):
    """A credit by the authority's reference number; the bucket is the number's, and it counts once, whoever it is for.

    It stands beside its entries and is, as they are, never changed.
    """

    __tablename__ = "medical_credit"
    __table_args__ = (
        CheckConstraint("amount > 0", name="gives_something"),
        {"info": PERSONAL},
    )

    reference: Mapped[str] = mapped_column(primary_key=True)
    movement_id: Mapped[UUID]
    person_id: Mapped[UUID]
    amount: Mapped[Decimal] = mapped_column(MONEY)
    credited_at: Mapped[datetime]
