"""Medical personal accounts of the example: what is in them, and orders that are paid out of all accounts or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

JSON = dict[str, Any]
Answer = tuple[str, JSON | None]
MOST = 100
SHORT, NO_ACCOUNT = "M01", "M02"


@dataclass
class Paid:
    """An order as it came, why it was refused if it was, and whether it was given back."""

    content: JSON
    refusal: str | None
    is_given_back: bool = False


@dataclass
class Funds:
    """What is in whose account, in yuan, and every order there was; `refusal` refuses all new ones."""

    balances: dict[str, Decimal] = field(default_factory=dict)
    orders: dict[str, Paid] = field(default_factory=dict)
    refusal: str | None = None

    def credit(self, number: str, amount: Decimal) -> None:
        """Put money into somebody's account; who has none gets one."""
        self.balances[number] = self.balances.get(number, Decimal("0.00")) + amount

    def tell(self, asked: Mapping[str, Any]) -> Answer:
        """Say what is in people's accounts."""
        numbers = asked["aac002"]
        if len(numbers) > MOST:
            return "413", None
        found = [number for number in numbers if number in self.balances]
        return "0", {"accounts": [{"aac002": each, "balance": f"{self.balances[each]:.2f}"} for each in found]}

    def settle(self, asked: JSON) -> Answer:
        """Pay an order, or refuse it for good: whoever keeps a table needs one transaction for all this."""
        order_no = asked["order_no"]
        known = self.orders.get(order_no)
        if known is not None and known.content != asked:
            return "409", None
        if known is None:
            parts = {part["aac002"]: Decimal(part["amount"]) for part in asked["parts"]}
            refusal = self.refusal or self._refusal(parts)
            self.orders[order_no] = Paid(asked, refusal)
            for number, amount in parts.items() if refusal is None else ():
                self.balances[number] -= amount
        order = self.orders[order_no]
        if order.refusal is not None:
            return "422", {"order_no": order_no, "reason": order.refusal}
        return ("0" if known is None else "208"), {"order_no": order_no}

    def give_back(self, asked: JSON) -> Answer:
        """Give an order back to the very accounts, once."""
        order = self.orders.get(asked["order_no"])
        if order is None or order.refusal is not None:
            return "404", None
        was_given_back, order.is_given_back = order.is_given_back, True
        for part in () if was_given_back else order.content["parts"]:
            self.balances[part["aac002"]] += Decimal(part["amount"])
        return ("208" if was_given_back else "0"), {"order_no": asked["order_no"]}

    def paid(self, asked: Mapping[str, Any]) -> Answer:
        """Say what the book has of orders."""
        if len(asked["order_no"]) > MOST:
            return "413", None
        found = {order_no: self.orders[order_no] for order_no in asked["order_no"] if order_no in self.orders}
        told = [
            {
                "order_no": order_no,
                "amount": str(sum(Decimal(part["amount"]) for part in order.content["parts"])),
                "given_back": order.is_given_back,
            }
            for order_no, order in found.items()
            if order.refusal is None
        ]
        return "0", {"orders": told}

    def _refusal(self, parts: Mapping[str, Decimal]) -> str | None:
        if parts.keys() - self.balances.keys():
            return NO_ACCOUNT
        return SHORT if any(self.balances[number] < amount for number, amount in parts.items()) else None
