"""The port to those who make physical cards: the card administration, and the bank behind it.

CardOrdersUnavailable     503: no answer, or none that we understand; nothing is known to have happened
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.core.errors import Unavailable


class CardOrdersUnavailable(Unavailable):
    """Those who make cards do not answer, or not as agreed."""

    code = "card-orders-unavailable"


class CardOrderReason(StrEnum):
    """Why somebody wants a card."""

    FIRST = "first"
    LOST = "lost"
    DAMAGED = "damaged"
    EXPIRED = "expired"


class CardOrderStage(StrEnum):
    """How far a card is."""

    REVIEWED = "reviewed"
    BATCHED_TO_BANK = "batched_to_bank"
    ACCOUNT_OPENED = "account_opened"
    BEING_MADE = "being_made"
    AT_BRANCH = "at_branch"
    COLLECTED = "collected"
    FAILED = "failed"


class CardOrderFailure(StrEnum):
    """Why no card comes of an order: the closed list; the last is ours."""

    PHOTO_REFUSED = "photo_refused"
    DETAILS_DIFFER = "details_differ"
    BANK_REFUSED = "bank_refused"
    NOT_ENTITLED = "not_entitled"
    NOT_COLLECTED = "not_collected"
    ALREADY_UNDER_WAY = "already_under_way"
    OTHER = "other"
    PHOTO_GONE = "photo_gone"


@dataclass(frozen=True, slots=True)
class CardOrderRequest:
    """What is ordered; `id` is ours, and their order number: the same one is the same order.

    `photo` is a JPEG of 358 × 441; the card goes to an office of ours, or by post to an address.
    """

    id: UUID
    number: str = field(repr=False)
    name: str = field(repr=False)
    reason: CardOrderReason
    photo: bytes = field(repr=False)
    office_id: str | None
    address: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardOrderNews:
    """One step that an order has taken: when, their own code for it, and with a failure why."""

    stage: CardOrderStage
    at: datetime
    code: str
    reason: CardOrderFailure | None = None


class CardOrders(Protocol):
    """Has cards made."""

    async def submit(self, order: CardOrderRequest) -> CardOrderNews | None:
        """Hand an order in; the same order again is no second one.

        Returns:
            A failure, if the order was not taken; None: it was.

        Raises:
            CardOrdersUnavailable: it is not known whether it was taken; submit it again.
        """
        ...

    async def progress(self, order_id: UUID) -> tuple[CardOrderNews, ...] | None:
        """Return every step of an order so far, in order; None: they have no such order.

        Raises:
            CardOrdersUnavailable: no answer, or none that we understand.
        """
        ...
