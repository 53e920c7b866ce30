"""Card orders through the gateway of those who make cards; the contract is in docs/gateways.md, its codes read here."""

import base64
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import httpx

from app.adapters.gateways import Gateway
from app.adapters.orders import OrderGateway, SaidStep
from app.core.clock import Clock
from app.core.settings import GatewaySettings
from app.ports.card_orders import (
    CardOrderFailure,
    CardOrderNews,
    CardOrderReason,
    CardOrderRequest,
    CardOrders,
    CardOrderStage,
    CardOrdersUnavailable,
)

_REASONS: Final[Mapping[CardOrderReason, str]] = {
    CardOrderReason.FIRST: "1",
    CardOrderReason.LOST: "2",
    CardOrderReason.DAMAGED: "3",
    CardOrderReason.EXPIRED: "4",
}
_STAGES: Final[Mapping[str, CardOrderStage]] = {
    "10": CardOrderStage.REVIEWED,
    "20": CardOrderStage.BATCHED_TO_BANK,
    "30": CardOrderStage.ACCOUNT_OPENED,
    "40": CardOrderStage.BEING_MADE,
    "50": CardOrderStage.AT_BRANCH,
    "60": CardOrderStage.COLLECTED,
    "90": CardOrderStage.FAILED,
}
_FAILURES: Final[Mapping[str, CardOrderFailure]] = {
    "F01": CardOrderFailure.PHOTO_REFUSED,
    "F02": CardOrderFailure.DETAILS_DIFFER,
    "F03": CardOrderFailure.BANK_REFUSED,
    "F04": CardOrderFailure.NOT_ENTITLED,
    "F05": CardOrderFailure.NOT_COLLECTED,
}


class GatewayCardOrders(CardOrders):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = OrderGateway(Gateway(settings, clock, client), clock, "card_orders", CardOrdersUnavailable)

    async def submit(self, order: CardOrderRequest) -> CardOrderNews | None:
        refusal = await self._gateway.submit(
            f"/card-orders/{order.id}",
            order.id,
            {
                "aac002": order.number,
                "aac003": order.name,
                "reason": _REASONS[order.reason],
                "photo": base64.b64encode(order.photo).decode(),
                "branch": order.office_id,
                "address": order.address,
            },
        )
        if refusal is None:
            return None
        news = self._news(refusal)
        if news.stage is not CardOrderStage.FAILED:
            raise self._gateway.not_believed("status")
        return news

    async def progress(self, order_id: UUID) -> tuple[CardOrderNews, ...] | None:
        answer = await self._gateway.ask("GET", f"/card-orders/{order_id}")
        if answer.status == 404:
            return None
        return tuple(self._news(step) for step in self._gateway.steps(answer, order_id))

    def _news(self, step: SaidStep) -> CardOrderNews:
        stage = _STAGES.get(step.status)
        if stage is None:
            raise self._gateway.not_believed("status")
        if stage is not CardOrderStage.FAILED:
            return CardOrderNews(stage, step.at, step.status)
        return CardOrderNews(stage, step.at, step.code, _FAILURES.get(step.reason or "", CardOrderFailure.OTHER))
