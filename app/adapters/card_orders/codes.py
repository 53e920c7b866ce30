"""How card orders are written, and what is said of them, in the codes of docs/gateways.md; read here alone."""

import base64
from collections.abc import Mapping
from typing import Final

from app.adapters.orders import OrderBeliefs, SaidStep
from app.ports.card_orders import CardOrderFailure, CardOrderNews, CardOrderReason, CardOrderRequest, CardOrderStage

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
    "F06": CardOrderFailure.ALREADY_UNDER_WAY,
}


def written(order: CardOrderRequest) -> Mapping[str, object]:
    """Return what is sent of an order, but for its number."""
    return {
        "aac002": order.number,
        "aac003": order.name,
        "reason": _REASONS[order.reason],
        "photo": base64.b64encode(order.photo).decode(),
        "branch": order.office_id,
        "address": order.address,
    }


def news(step: SaidStep, beliefs: OrderBeliefs) -> CardOrderNews:
    """Return a step as the port has it.

    Raises:
        CardOrdersUnavailable: there is no such step.
    """
    stage = _STAGES.get(step.status)
    if stage is None:
        raise beliefs.not_believed("status")
    if stage is not CardOrderStage.FAILED:
        return CardOrderNews(stage, step.at, step.status)
    return CardOrderNews(stage, step.at, step.code, _FAILURES.get(step.reason or "", CardOrderFailure.OTHER))


def refusal(step: SaidStep, beliefs: OrderBeliefs) -> CardOrderNews:
    """Return the step by which an order was not taken.

    Raises:
        CardOrdersUnavailable: it says something else.
    """
    refused = news(step, beliefs)
    if refused.stage is not CardOrderStage.FAILED:
        raise beliefs.not_believed("status")
    return refused
