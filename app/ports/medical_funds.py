"""The port to whoever keeps the balances of medical personal accounts, and pays out of them.

MedicalFundsUnavailable   503: no answer, or none that we understand; it is not known what was done
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.core.errors import Unavailable


class MedicalFundsUnavailable(Unavailable):
    """Whoever keeps the accounts does not answer, or not as agreed."""

    code = "medical-funds-unavailable"


class FundsRefusal(StrEnum):
    """Why nothing was paid: an account holds less than it should give, or there is none, or none that pays."""

    SHORT = "short"
    NO_ACCOUNT = "no_account"


@dataclass(frozen=True, slots=True)
class FundsOrder:
    """A payment; `id` is ours, and their order number: the same one is the same order.

    `parts` is what each account gives, by the social security number: yuan, two places, more than nothing.
    """

    id: UUID
    office_id: str
    parts: Mapping[str, Decimal] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Paid:
    """What was paid by an order in all, in yuan, and whether it was given back since."""

    amount: Decimal
    is_given_back: bool


class MedicalFunds(Protocol):
    """Keeps medical personal accounts; what is in them is what they say."""

    async def balances(self, numbers: Collection[str]) -> Mapping[str, Decimal]:
        """Return what is in people's accounts now, in yuan to two places; who has no account is not among them.

        Raises:
            MedicalFundsUnavailable: no answer, or none that we understand.
        """
        ...

    async def settle(self, order: FundsOrder) -> FundsRefusal | None:
        """Pay an office out of all accounts of an order, or out of none.

        The same order again is no second one and is answered the same, for ever: a refusal, too.

        Returns:
            Why nothing was paid; None: it was.

        Raises:
            MedicalFundsUnavailable: it is not known whether it was paid; settle it again.
        """
        ...

    async def give_back(self, order_id: UUID) -> None:
        """Give an order that was paid back, whole, to the very accounts; once, however often it is asked.

        Raises:
            MedicalFundsUnavailable: it is not known whether it was given back; ask again.
        """
        ...

    async def paid(self, order_ids: Collection[UUID]) -> Mapping[UUID, Paid]:
        """Return what their book says of orders, 100 at most; those by which nothing was paid are not among them.

        Raises:
            MedicalFundsUnavailable: no answer, or none that we understand.
        """
        ...
