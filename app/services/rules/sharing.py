"""Rules of medical account sharing: who may be bound, who agrees, and how the money goes."""

from collections.abc import Mapping

from pydantic import Field

from app.models.sharing import Confirming, FundsOrder, Kin
from app.services.rules.base import Rule


class Sharing(Rule):
    """Who agrees, for each relative that may be bound; of whoever is under `minor_under` a guardian does.

    `members_per_owner` and `sharers_per_member` are places there are. A binding waits `pending_hours` for its answer, a
    code is good for `code_minutes` and so many tries, and so many are sent a day for one owner and member. Who has said
    no is left alone for `declined_days`. `orders` are those that a member may choose, `order` is what holds without.
    No official text gives these numbers.
    """

    relatives: Mapping[Kin, Confirming]
    minor_under: int = Field(ge=0)
    members_per_owner: int = Field(ge=0, le=64)
    sharers_per_member: int = Field(ge=0, le=64)
    pending_hours: int = Field(gt=0)
    code_minutes: int = Field(gt=0)
    code_tries: int = Field(gt=0)
    codes_a_day: int = Field(ge=0)
    resend_seconds: int = Field(ge=0)
    declined_days: int = Field(ge=0)
    order: FundsOrder
    orders: tuple[FundsOrder, ...]
