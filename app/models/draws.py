"""Draws: what was paid with personal accounts at a terminal, out of whose, and what was given back.

    pending ──> settled      whoever keeps the accounts has paid; then it can be given back, once
       └──────> refused      they have not: its code and its order's number are free again

A draw lies in the home of whoever has spent it, with what each account gives; each other payer has a row of their own.
Nothing of it is changed later but its state, and when it was given back.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, bucket_agrees, words
from app.models.medical_accounts import MONEY
from app.models.showings import ShowingPurpose


class DrawState(StrEnum):
    """What is known of a draw: asked of whoever keeps the accounts, paid by them, or not."""

    PENDING = "pending"
    SETTLED = "settled"
    REFUSED = "refused"


class Draw(Identified, Base):
    """A payment at a terminal; `covered` of `amount` comes from personal accounts. One code, one draw.

    `month` is the first day of the month that it was in China; `shown_by` the owner who has shown a member's card.
    """

    __tablename__ = "draw"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "spender_id"], ["home.bucket", "home.id"]),
        Index("uq_draw_bucket_code_id", "bucket", "code_id", unique=True, postgresql_where=text("state <> 'refused'")),
        CheckConstraint("covered > 0 AND covered <= amount", name="covered"),
        Index("ix_draw_spender", "bucket", "spender_id", "drawn_at"),
        {"info": PERSONAL},
    )

    spender_id: Mapped[UUID]
    code_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    purpose: Mapped[ShowingPurpose] = mapped_column(words(ShowingPurpose))
    terminal_id: Mapped[UUID]
    office_id: Mapped[str]
    order_number: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(MONEY)
    covered: Mapped[Decimal] = mapped_column(MONEY)
    is_partial_allowed: Mapped[bool]
    month: Mapped[date]
    drawn_at: Mapped[datetime]
    shown_by: Mapped[UUID | None]
    state: Mapped[DrawState] = mapped_column(words(DrawState))


class DrawPart(Bucketed, Base):
    """What one account gives to a draw; without a binding it is the spender's own."""

    __tablename__ = "draw_part"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "draw_id"], ["draw.bucket", "draw.id"]),
        CheckConstraint("amount > 0", name="gives_something"),
        {"info": PERSONAL},
    )

    draw_id: Mapped[UUID] = mapped_column(primary_key=True)
    payer_id: Mapped[UUID] = mapped_column(primary_key=True)
    spender_id: Mapped[UUID]
    binding_id: Mapped[UUID | None]
    amount: Mapped[Decimal] = mapped_column(MONEY)


class DrawShare(Bucketed, Base):
    """The same in the home of a payer who is not the spender: where it was spent is not said there."""

    __tablename__ = "draw_share"
    __table_args__ = (
        bucket_agrees("payer_id"),
        ForeignKeyConstraint(["bucket", "payer_id"], ["home.bucket", "home.id"]),
        CheckConstraint("amount > 0", name="gives_something"),
        Index("ix_draw_share_payer", "bucket", "payer_id", "drawn_at"),
        {"info": PERSONAL},
    )

    payer_id: Mapped[UUID] = mapped_column(primary_key=True)
    draw_id: Mapped[UUID] = mapped_column(primary_key=True)
    spender_id: Mapped[UUID]
    binding_id: Mapped[UUID]
    amount: Mapped[Decimal] = mapped_column(MONEY)
    month: Mapped[date]
    drawn_at: Mapped[datetime]
    state: Mapped[DrawState] = mapped_column(words(DrawState))
    reversed_at: Mapped[datetime | None]


class DrawReversal(Bucketed, Base):
    """That a draw is given back, whole; the key lets nobody give it back again. `reversed_at` once it is known."""

    __tablename__ = "draw_reversal"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "draw_id"], ["draw.bucket", "draw.id"]),
        {"info": PERSONAL},
    )

    draw_id: Mapped[UUID] = mapped_column(primary_key=True)
    spender_id: Mapped[UUID]
    movement_id: Mapped[UUID]
    terminal_id: Mapped[UUID]
    asked_at: Mapped[datetime]
    reversed_at: Mapped[datetime | None]


class DrawOrder(Bucketed, Base):
    """A terminal's own number for a payment, in its home: the key lets it be done once."""

    __tablename__ = "draw_order"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "terminal_id"], ["terminal.bucket", "terminal.id"]),
        {"info": PERSONAL},
    )

    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(primary_key=True)
    draw_id: Mapped[UUID]
    ordered_at: Mapped[datetime]


class SharingMonth(Bucketed, Base):
    """What a binding's member has spent of its owner's money in a month of China's calendar, by the cap of then.

    What is pending counts.
    """

    __tablename__ = "sharing_month"
    __table_args__ = (
        bucket_agrees("owner_id"),
        ForeignKeyConstraint(["bucket", "owner_id"], ["home.bucket", "home.id"]),
        CheckConstraint("drawn >= 0", name="never_below_zero"),
        CheckConstraint("drawn <= cap", name="never_above_cap"),
        {"info": PERSONAL},
    )

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    binding_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    drawn: Mapped[Decimal] = mapped_column(MONEY)
    cap: Mapped[Decimal | None] = mapped_column(MONEY)
