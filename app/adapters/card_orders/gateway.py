"""Card orders through the gateway of those who make cards; the contract is in docs/gateways.md, its codes read here."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Final
from uuid import UUID

import httpx
from pydantic import AwareDatetime, Field, StringConstraints

from app.adapters.gateways import Answer, Gateway, GatewaySilent, Model, Said
from app.core.clock import Clock
from app.core.logging import logger
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
_AHEAD: Final = timedelta(minutes=5)  # how far a gateway's clock may be before ours
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")]


class _SaidOrder(Said):
    order_no: str


class _SaidStep(Said):
    status: _Code
    at: AwareDatetime
    reason: _Code | None = None


class _SaidRefusal(_SaidOrder, _SaidStep):
    pass


class _SaidProgress(_SaidOrder):
    steps: Annotated[list[_SaidStep], Field(max_length=32)]


class GatewayCardOrders(CardOrders):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = Gateway(settings, clock, client)
        self._clock = clock

    async def submit(self, order: CardOrderRequest) -> CardOrderNews | None:
        answer = await self._ask(
            "PUT",
            f"/card-orders/{order.id}",
            {
                "order_no": str(order.id),
                "aac002": order.number,
                "aac003": order.name,
                "reason": _REASONS[order.reason],
                "photo": base64.b64encode(order.photo).decode(),
                "branch": order.office_id,
                "address": order.address,
            },
        )
        if answer.status == 422:
            refused = _read(answer, _SaidRefusal, {422})
            _require_own(refused, order.id)
            return self._news(refused, only=CardOrderStage.FAILED)
        _require_own(_read(answer, _SaidOrder, {200, 201}), order.id)
        return None

    async def progress(self, order_id: UUID) -> tuple[CardOrderNews, ...] | None:
        answer = await self._ask("GET", f"/card-orders/{order_id}")
        if answer.status == 404:
            return None
        said = _read(answer, _SaidProgress, {200})
        _require_own(said, order_id)
        steps = tuple(self._news(step) for step in said.steps)
        if any(later.at < earlier.at for earlier, later in pairwise(steps)):
            raise _not_believed("order_of_times")
        return steps

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        try:
            return await self._gateway.ask(method, path, body)
        except GatewaySilent as error:
            raise CardOrdersUnavailable from error

    def _news(self, step: _SaidStep, only: CardOrderStage | None = None) -> CardOrderNews:
        stage = _STAGES.get(step.status)
        if stage is None or only not in (None, stage):
            raise _not_believed("status")
        if step.at > self._clock.now() + _AHEAD:
            raise _not_believed("time")
        if stage is not CardOrderStage.FAILED:
            return CardOrderNews(stage, step.at, step.status)
        reason = _FAILURES.get(step.reason or "", CardOrderFailure.OTHER)
        return CardOrderNews(stage, step.at, "/".join(filter(None, (step.status, step.reason))), reason)


def _read(answer: Answer, model: type[Model], good: set[int]) -> Model:
    if answer.status not in good:
        raise _not_believed(f"http_{answer.status}")
    try:
        return answer.read(model)
    except GatewaySilent as error:
        raise CardOrdersUnavailable from error


def _require_own(said: _SaidOrder, order_id: UUID) -> None:
    """Check that an answer is about the order that was asked about.

    Raises:
        CardOrdersUnavailable: it is about another, so nothing of it is believed.
    """
    if said.order_no != str(order_id):
        raise _not_believed("order")


def _not_believed(what: str) -> CardOrdersUnavailable:
    logger(__name__).warning("card_orders_not_believed", what=what)
    return CardOrdersUnavailable()
