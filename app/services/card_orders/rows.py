"""The rows of card orders: found as the person's whose they are, locked, and moved on step by step."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.card_orders import ENDED, CardOrder, CardOrderState, CardOrderStep
from app.ports.card_orders import CardOrderFailure, CardOrderNews
from app.services import audit, filings
from app.services.audit import Action
from app.services.card_orders import photos
from app.services.filings import Filed


def filed(order: CardOrder) -> Filed:
    """Return what filings share of it."""
    return Filed(order.id, order.person_id, order.filed_by, order.link_id)


async def of_person(session: Session, person_id: UUID, order_id: UUID) -> CardOrder:
    """Return one of a person's orders.

    Raises:
        NotFound: it is not theirs.
    """
    found: CardOrder | None = await session.get(CardOrder, (bucket_of(order_id), order_id), populate_existing=True)
    if found is None or found.person_id != person_id:
        raise NotFound
    return found


async def locked(session: Session, order_id: UUID) -> CardOrder:
    """Return an order that is there, locked; the homes are locked before it."""
    return await session.get_one(
        CardOrder, (bucket_of(order_id), order_id), with_for_update=True, populate_existing=True
    )


async def locked_with_homes(session: Session, order_id: UUID) -> CardOrder:
    """Return an order that is there, locked with the homes of whom it concerns."""
    seen = await session.get_one(CardOrder, (bucket_of(order_id), order_id), populate_existing=True)
    await filings.lock(session, filed(seen))
    return await locked(session, order_id)


async def page(
    session: Session, person_id: UUID, after: tuple[datetime, UUID] | None, most: int
) -> Sequence[CardOrder]:
    """Return a person's orders, the newest first, from behind a row on."""
    statement = select(CardOrder).where(CardOrder.bucket == bucket_of(person_id), CardOrder.person_id == person_id)
    if after is not None:
        statement = statement.where(tuple_(CardOrder.created_at, CardOrder.id) < after)
    rows = await session.scalars(statement.order_by(CardOrder.created_at.desc(), CardOrder.id.desc()).limit(most))
    return rows.all()


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
