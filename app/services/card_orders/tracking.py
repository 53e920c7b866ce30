"""Follows the card orders that have left, by what those who make cards say; the e-card follows a collected card."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.models.card_orders import ENDED, NEXT, CardOrder, CardOrderState
from app.ports import Ports
from app.ports.card_orders import CardOrderNews
from app.services import outbox, policies
from app.services.card_orders import rows
from app.services.cards import following
from app.services.filings import finding, looking, telling
from app.services.filings.looking import NotBelieved


async def track_due(db: Database, ports: Ports) -> int:
    """Ask about the orders that it is time to ask about; return how many."""
    return await looking.look_due(db, CardOrder, partial(_look, db, ports), look_later)


async def look_later(session: Session, order: CardOrder) -> None:
    """Write down when those who make cards are asked next."""
    looking.set_due(session, order, (await policies.current(session)).card_orders)


async def collected(db: Database, ports: Ports, person_id: UUID) -> None:
    """Let the e-card follow a new physical card, which the register has by now.

    Raises:
        RegisterUnavailable: it does not answer; ask again.
    """
    await following.refresh(db, ports.register, person_id)


async def _look(db: Database, ports: Ports, order_id: UUID) -> None:
    news = await ports.card_orders.progress(order_id)
    if news is None:
        raise NotBelieved("forgets")
    await db.run(partial(_hear, order_id, news))


async def _hear(order_id: UUID, news: Sequence[CardOrderNews], session: Session) -> None:
    """Write down what is new, and tell of the last of it.

    Raises:
        NotBelieved: it cannot be true.
    """
    order = await finding.locked_with_homes(session, CardOrder, order_id)
    if order.state in ENDED:
        return
    fresh = looking.fresh(news, [(step.state, step.code) for step in await rows.timeline(session, order)])
    for each in fresh:
        to = CardOrderState(each.stage.value)
        if to not in NEXT[order.state]:
            raise NotBelieved("does_not_follow")
        await rows.step(session, order, to, each)
    if fresh:
        await telling.tell(session, order, f"card_order_{order.state.value}")
    order.heard_at, order.failures = session.now, 0
    if order.state not in ENDED:
        await look_later(session, order)
    elif order.state is CardOrderState.COLLECTED:
        outbox.tell(session, outbox.Kind.CARD_COLLECTED, order.person_id)
