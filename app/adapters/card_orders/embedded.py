"""A card administration and a bank that stand in for real ones: a card takes three weeks, by our clock.

Whoever's name is longer than the bank's forms gets none, and whoever has one under way no second. A card that is
collected is in the embedded register.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.adapters.register.embedded import EmbeddedRegister
from app.adapters.weekdays import weekdays_after
from app.core.db import Database, Session
from app.models.stand_ins import FiledCardOrder
from app.ports.card_orders import CardOrderFailure, CardOrderNews, CardOrderRequest, CardOrders, CardOrderStage

_LONGEST_NAME: Final = 20
_NUMBER: Final = "filed_card_order.number"
_AFTERNOON: Final = time(15)
_LONGEST: Final = timedelta(days=60)
_LAST: Final = frozenset({CardOrderStage.COLLECTED, CardOrderStage.FAILED})


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is done how many weekdays after the order came, and its code."""

    days: int
    stage: CardOrderStage
    code: str
    reason: CardOrderFailure | None = None


_USUAL: Final = (
    _Plan(2, CardOrderStage.REVIEWED, "10"),
    _Plan(3, CardOrderStage.BATCHED_TO_BANK, "20"),
    _Plan(5, CardOrderStage.ACCOUNT_OPENED, "30"),
    _Plan(7, CardOrderStage.BEING_MADE, "40"),
    _Plan(12, CardOrderStage.AT_BRANCH, "50"),
    _Plan(15, CardOrderStage.COLLECTED, "60"),
)
_FAILED: Final = (*_USUAL[:2], _Plan(4, CardOrderStage.FAILED, "90/F03", CardOrderFailure.BANK_REFUSED))


class EmbeddedCardOrders(CardOrders):
    """The table of the orders that came, and the embedded register, which gets the cards."""

    def __init__(self, db: Database, register: EmbeddedRegister) -> None:
        self._db = db
        self._register = register

    async def submit(self, order: CardOrderRequest) -> CardOrderNews | None:
        async def put(session: Session) -> CardOrderNews | None:
            if await self._is_under_way(session, order):
                return CardOrderNews(CardOrderStage.FAILED, session.now, "90/F06", CardOrderFailure.ALREADY_UNDER_WAY)
            await session.execute(
                insert(FiledCardOrder)
                .values(
                    order_id=order.id,
                    number=session.vault.system.seal_bytes(_NUMBER, order.id, order.number.encode()),
                    is_refused=len(order.name) > _LONGEST_NAME,
                    filed_at=session.now,
                )
                .on_conflict_do_nothing()
            )
            return None

        return await self._db.run(put)

    async def progress(self, order_id: UUID) -> tuple[CardOrderNews, ...] | None:
        order = await self._db.run(lambda session: session.get(FiledCardOrder, order_id))
        if order is None:
            return None
        steps = tuple(_steps(order, self._db.clock.now()))
        if steps and steps[-1].stage is CardOrderStage.COLLECTED and order.collected_at is None:
            number = self._db.vault.system.open_bytes(_NUMBER, order_id, order.number).decode()
            await self._db.run(lambda session: self._collect(session, order_id, number))
        return steps

    async def _is_under_way(self, session: Session, order: CardOrderRequest) -> bool:
        """Say whether another order for the same person is not over yet, whoever has sent it."""
        rows = await session.scalars(
            select(FiledCardOrder).where(
                FiledCardOrder.order_id != order.id, FiledCardOrder.filed_at > session.now - _LONGEST
            )
        )
        for row in rows:
            number = session.vault.system.open_bytes(_NUMBER, row.order_id, row.number).decode()
            steps = tuple(_steps(row, session.now))
            if number == order.number and (not steps or steps[-1].stage not in _LAST):
                return True
        return False

    async def _collect(self, session: Session, order_id: UUID, number: str) -> None:
        order = await session.get_one(FiledCardOrder, order_id, with_for_update=True, populate_existing=True)
        if order.collected_at is None:
            order.collected_at = session.now
            await self._register.give_card(session, number)


def _steps(order: FiledCardOrder, now: datetime) -> Iterator[CardOrderNews]:
    for each in _FAILED if order.is_refused else _USUAL:
        at = weekdays_after(order.filed_at, each.days, _AFTERNOON)
        if at <= now:
            yield CardOrderNews(each.stage, at, each.code, each.reason)
