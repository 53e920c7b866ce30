"""Card orders through the national gateway; an order is taken once, however often it is handed in."""

from collections.abc import Mapping
from uuid import UUID

from app.adapters.card_orders import codes as orders
from app.adapters.gateways import Model
from app.adapters.national.codes import PROGRESS, SUBMIT, Call, Group, Meaning
from app.adapters.national.gateway import NationalGateway, NationalSilent, Reply
from app.adapters.orders import OrderBeliefs, SaidOrder, SaidProgress, SaidRefusal
from app.core.clock import Clock
from app.ports.card_orders import CardOrderNews, CardOrderRequest, CardOrders, CardOrdersUnavailable


class NationalCardOrders(CardOrders):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, gateway: NationalGateway, clock: Clock) -> None:
        self._gateway = gateway
        self._beliefs = OrderBeliefs(clock, "national_card_orders", CardOrdersUnavailable)

    async def submit(self, order: CardOrderRequest) -> CardOrderNews | None:
        reply = await self._ask(SUBMIT, {"order_no": str(order.id), **orders.written(order)})
        if reply.meaning is not Meaning.REFUSED:
            self._beliefs.require_own(_read(reply, SaidOrder), order.id)
            return None
        return orders.refusal(self._beliefs.believed_refusal(_read(reply, SaidRefusal), order.id), self._beliefs)

    async def progress(self, order_id: UUID) -> tuple[CardOrderNews, ...] | None:
        reply = await self._ask(PROGRESS, {"order_no": str(order_id)})
        if reply.meaning is Meaning.NOTHING:
            return None
        steps = self._beliefs.believed_steps(_read(reply, SaidProgress), order_id)
        return tuple(orders.news(step, self._beliefs) for step in steps)

    async def _ask(self, call: Call, content: Mapping[str, object]) -> Reply:
        try:
            return await self._gateway.ask(Group.CARD_ORDERS, call, content)
        except NationalSilent as error:
            raise CardOrdersUnavailable(retry_after_seconds=error.retry_after_seconds) from error


def _read(reply: Reply, model: type[Model]) -> Model:
    try:
        return reply.read(model)
    except NationalSilent as error:
        raise CardOrdersUnavailable(retry_after_seconds=error.retry_after_seconds) from error
