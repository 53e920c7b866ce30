"""The rows of card orders: what is under way, the steps taken, and the next step."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.card_orders import ENDED, CardOrder, CardOrderState, CardOrderStep
from app.ports.card_orders import CardOrderFailure, CardOrderNews
from app.services import audit
from app.services.audit import Action
from app.services.card_orders import photos


async def under_way(session: Session, person_id: UUID) -> UUID | None:
    """Return the person's order that is under way, if there is one."""
    found: UUID | None = await session.scalar(
        select(CardOrder.id).where(
            CardOrder.bucket == bucket_of(person_id),
            CardOrder.person_id == person_id,
            CardOrder.state.not_in([CardOrderState.DRAFT, *ENDED]),
        )
    )
    return found


async def timeline(session: Session, order: CardOrder) -> Sequence[CardOrderStep]:
    """Return the steps an order has taken, in order."""
    rows = await session.scalars(
        select(CardOrderStep)
        .where(CardOrderStep.bucket == order.bucket, CardOrderStep.order_id == order.id)
        .order_by(CardOrderStep.number)
    )
    return rows.all()


async def step(
    session: Session,
    order: CardOrder,
    to: CardOrderState,
    news: CardOrderNews | None = None,
    reason: CardOrderFailure | None = None,
) -> None:
    """Move a locked order on, by what was said elsewhere or (None) by what was done here; its decision ends the photo.

    Raises:
        CardOrderStepNotAllowed: it is not where this follows.
    """
    order.advance(to)
    order.steps += 1
    because = reason if news is None else news.reason
    session.add(
        CardOrderStep(
            bucket=order.bucket,
            order_id=order.id,
            number=order.steps,
            person_id=order.person_id,
            state=to,
            at=session.now if news is None else news.at,
            code=None if news is None else news.code,
            reason=because,
            recorded_at=session.now,
        )
    )
    await session.flush()
    if to is not CardOrderState.SUBMITTED:
        await photos.let_go(session, order)
        await audit.record(
            session,
            Action.CARD_ORDER_MOVED,
            home_id=order.person_id,
            actor=audit.SYSTEM,
            facts=facts(order, because),
        )


def facts(order: CardOrder, reason: CardOrderFailure | None = None) -> dict[str, str | int | bool | None]:
    """Return what the audit says of an order."""
    found: dict[str, str | int | bool | None] = {
        "order_id": str(order.id),
        "reason": order.reason.value,
        "state": order.state.value,
    }
    return found if reason is None else found | {"failure": reason.value}
