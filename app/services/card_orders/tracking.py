"""Follows the card orders that have left, as transfers are followed; once a card is collected the e-card follows."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.core.errors import Unavailable
from app.models.card_orders import ENDED, NEXT, CardOrder, CardOrderState
from app.ports import Ports
from app.ports.card_orders import CardOrderNews, CardOrdersUnavailable
from app.services import filings, outbox, policies
from app.services.card_orders import rows
from app.services.cards import following
from app.services.filings import Pace

AT_ONCE: Final = 50
_BESIDE: Final = 4  # one that is slow to answer keeps few others waiting
_LEASE: Final = timedelta(minutes=2)  # longer than an answer may take

_log = logging.logger(__name__)


async def track_due(db: Database, ports: Ports) -> int:
    """Ask about the orders that it is time to ask about; return how many."""
    found = await db.run(_due)
    free = asyncio.Semaphore(_BESIDE)

    async def in_turn(order_id: UUID) -> None:
        async with free:
            if await db.run(partial(_take, order_id)):
                await _track(db, ports, order_id)

    await asyncio.gather(*map(in_turn, found))
    return len(found)


async def look_later(session: Session, order: CardOrder) -> None:
    """Write down when those who make cards are asked next."""
    rules = (await policies.current(session)).card_orders
    pace = Pace(timedelta(minutes=rules.look_minutes), timedelta(minutes=rules.look_minutes_at_most))
    order.due_at = filings.next_look(session.now, order.id, pace, order.failures)


async def collected(db: Database, ports: Ports, person_id: UUID) -> None:
    """Let the e-card follow a new physical card, which the register has by now.

    Raises:
        RegisterUnavailable: it does not answer; ask again.
    """
    await following.refresh(db, ports.register, person_id)


async def _track(db: Database, ports: Ports, order_id: UUID) -> None:
    try:
        news = await ports.card_orders.progress(order_id)
        if news is None:
            raise _not_believed("forgets")
        await db.run(partial(_hear, order_id, news))
    except Unavailable:
        _log.warning("card_order_not_heard", order_id=str(order_id))
        await db.run(partial(_put_off, order_id))


async def _due(session: Session) -> Sequence[UUID]:
    found = await session.scalars(
        select(CardOrder.id).where(CardOrder.due_at <= session.now).order_by(CardOrder.due_at).limit(AT_ONCE)
    )
    return found.all()


async def _take(order_id: UUID, session: Session) -> bool:
    """Take an order to ask about for two minutes, unless somebody was faster."""
    taken = await session.scalar(
        update(CardOrder)
        .where(CardOrder.bucket == bucket_of(order_id), CardOrder.id == order_id, CardOrder.due_at <= session.now)
        .values(due_at=session.now + _LEASE)
        .returning(CardOrder.id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


async def _hear(order_id: UUID, news: Sequence[CardOrderNews], session: Session) -> None:
    """Write down what is new, and tell of the last of it.

    Raises:
        CardOrdersUnavailable: it cannot be true.
    """
    order = await rows.locked_with_homes(session, order_id)
    if order.state in ENDED:
        return
    fresh = news[await _known(session, order, news) :]
    _require_possible(order.state, fresh)
    for each in fresh:
        await rows.step(session, order, CardOrderState(each.stage.value), each)
    if fresh:
        await filings.tell(session, rows.filed(order), f"card_order_{order.state.value}")
    order.heard_at, order.failures = session.now, 0
    if order.state not in ENDED:
        await look_later(session, order)
    elif order.state is CardOrderState.COLLECTED:
        outbox.tell(session, outbox.Kind.CARD_COLLECTED, order.person_id)


async def _known(session: Session, order: CardOrder, news: Sequence[CardOrderNews]) -> int:
    heard = [(step.state.value, step.code) for step in await rows.timeline(session, order) if step.code is not None]
    if [(each.stage.value, each.code) for each in news[: len(heard)]] != heard:
        raise _not_believed("goes_back")
    return len(heard)


def _require_possible(state: CardOrderState, fresh: Sequence[CardOrderNews]) -> None:
    for each in fresh:
        told = CardOrderState(each.stage.value)
        if told not in NEXT[state]:
            raise _not_believed("does_not_follow")
        state = told


def _not_believed(why: str) -> CardOrdersUnavailable:
    _log.warning("card_order_not_believed", why=why)
    return CardOrdersUnavailable()


async def _put_off(order_id: UUID, session: Session) -> None:
    order = await rows.locked(session, order_id)
    if order.state not in ENDED:
        order.failures += 1
        await look_later(session, order)
