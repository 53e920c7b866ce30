"""Card orders through the gateway of those who make cards; the contract is in docs/gateways.md."""

from uuid import UUID

import httpx

from app.adapters.card_orders import codes
from app.adapters.gateways import Gateway
from app.adapters.orders import OrderGateway
from app.core.clock import Clock
from app.core.settings.groups import GatewaySettings
from app.ports.card_orders import CardOrderNews, CardOrderRequest, CardOrders, CardOrdersUnavailable


class GatewayCardOrders(CardOrders):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = OrderGateway(Gateway(settings, clock, client), clock, "card_orders", CardOrdersUnavailable)

    async def submit(self, order: CardOrderRequest) -> CardOrderNews | None:
        refused = await self._gateway.submit(f"/card-orders/{order.id}", order.id, codes.written(order))
        return None if refused is None else codes.refusal(refused, self._gateway)

    async def progress(self, order_id: UUID) -> tuple[CardOrderNews, ...] | None:
        answer = await self._gateway.ask("GET", f"/card-orders/{order_id}")
        if answer.status == 404:
            return None
        return tuple(codes.news(step, self._gateway) for step in self._gateway.steps(answer, order_id))
