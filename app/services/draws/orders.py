"""What a terminal orders, what came of it, and that an order's number is done once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, Denied, Invalid
from app.models.draws import Draw, DrawOrder, DrawPart, DrawReversal, DrawState
from app.models.showings import Redemption
from app.services.draws.splitting import NOTHING
from app.services.showings.references import Reference
from app.services.terminals.requests import Calling


class OrderNumberReused(Invalid):
    """This terminal has used the order number for something else."""

    code = "order-number-reused"


class TerminalTakesNoPayments(Denied):
    """The terminal is not registered to draw on personal accounts."""

    code = "terminal-takes-no-payments"


class MedicalFundsShort(Conflict):
    """The accounts do not cover the amount, and not to be covered whole was not allowed, or there is nothing at all."""

    code = "medical-funds-short"


@dataclass(frozen=True, slots=True)
class Order:
    """A payment as a terminal orders it, by a number of its own."""

    redemption: Reference
    number: str
    amount: Decimal
    is_partial_allowed: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw as its terminal sees it: how much came from the holder's own account and how much from shared ones."""

    id: UUID
    order_number: str
    amount: Decimal
    own: Decimal
    shared: Decimal
    drawn_at: datetime
    reversed_at: datetime | None

    @property
    def covered(self) -> Decimal:
        """What personal accounts gave."""
        return self.own + self.shared

    @property
    def uncovered(self) -> Decimal:
        """What is to be paid otherwise."""
        return self.amount - self.covered


async def known(session: Session, terminal: Calling, order: Order) -> Draw | None:
    """Return the draw that an order of this number has led to, if it was asked before; refused, it is free again.

    Raises:
        OrderNumberReused: it was another order.
    """
    found: DrawOrder | None = await session.get(
        DrawOrder, (bucket_of(terminal.id), terminal.id, order.number), populate_existing=True
    )
    if found is None:
        return None
    draw = await session.get_one(Draw, (bucket_of(found.draw_id), found.draw_id), populate_existing=True)
    before = Order(Reference(draw.bucket, draw.code_id), draw.order_number, draw.amount, draw.is_partial_allowed)
    if before != order:
        raise OrderNumberReused
    return draw


async def take_number(session: Session, terminal: Calling, order: Order, draw_id: UUID) -> bool:
    """Take the order's number for a draw that is about to be made; say whether nobody was faster."""
    taken = await session.scalar(
        insert(DrawOrder)
        .values(
            bucket=bucket_of(terminal.id),
            terminal_id=terminal.id,
            order_number=order.number,
            draw_id=draw_id,
            ordered_at=session.now,
        )
        .on_conflict_do_nothing()
        .returning(DrawOrder.draw_id)
    )
    return taken is not None


async def is_spent(session: Session, redemption: Redemption) -> bool:
    """Say whether something is drawn by a code already; the holder's home is locked."""
    by_code = select(Draw.id).where(
        Draw.bucket == redemption.bucket, Draw.code_id == redemption.code_id, Draw.state != DrawState.REFUSED
    )
    return await session.scalar(by_code) is not None


async def parts_of(session: Session, draw_id: UUID) -> Sequence[DrawPart]:
    """Return what each account gave to a draw."""
    rows = await session.scalars(
        select(DrawPart)
        .where(DrawPart.bucket == bucket_of(draw_id), DrawPart.draw_id == draw_id)
        .order_by(DrawPart.payer_id)
    )
    return rows.all()


async def as_drawn(session: Session, draw: Draw) -> Drawn:
    """Return a draw as its terminal sees it."""
    parts = await parts_of(session, draw.id)
    reversal = await session.get(DrawReversal, (draw.bucket, draw.id), populate_existing=True)
    return Drawn(
        id=draw.id,
        order_number=draw.order_number,
        amount=draw.amount,
        own=sum((part.amount for part in parts if part.binding_id is None), NOTHING),
        shared=sum((part.amount for part in parts if part.binding_id is not None), NOTHING),
        drawn_at=draw.drawn_at,
        reversed_at=None if reversal is None else reversal.reversed_at,
    )
