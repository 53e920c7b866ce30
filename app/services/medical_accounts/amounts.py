"""Reads amounts in yuan as people and programs write them."""

import re
from decimal import Decimal
from typing import Final

NOTHING: Final = Decimal("0.00")
_AMOUNT: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")


class NotReadable(ValueError):
    """A text is no amount; `reason` says what is wrong with it."""

    def __init__(self, reason: str) -> None:
        """Remember the reason; the text is not kept."""
        super().__init__(reason)
        self.reason = reason


def parse_amount(text: str) -> Decimal:
    """Read an amount in yuan, at most two places after the point and more than nothing.

    Raises:
        NotReadable: it is none.
    """
    amount = Decimal(text) if _AMOUNT.fullmatch(text) else NOTHING
    if amount <= 0:
        raise NotReadable("bad_amount")
    return amount.quantize(NOTHING)
