"""What is in the personal accounts of the demo's people on the day they are made; development alone puts it there."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

CREDITS: Final[Mapping[str, Decimal]] = {
    "owner": Decimal("12.30"),
    "spouse": Decimal("1860.00"),
    "parent-68": Decimal("905.40"),
    "parent-mother": Decimal("640.00"),
    "sibling": Decimal("320.75"),
    "second-owner": Decimal("88.00"),
}
"""In yuan, by labels; the owner's is small, so that a payment soon draws on somebody else's."""
