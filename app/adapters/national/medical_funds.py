"""Medical personal accounts through the national gateway; an order is paid once, however often it is handed in."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from app.adapters.gateways import Model, Said
from app.adapters.national.codes import BALANCES, GIVE_BACK, PAID, SETTLE, Call, Group, Meaning
from app.adapters.national.gateway import NationalGateway, NationalSilent, Reply
from app.core.logging import logger
from app.ports.medical_funds import FundsOrder, FundsRefusal, MedicalFunds, MedicalFundsUnavailable, Paid

_REFUSALS: Final[Mapping[str, FundsRefusal]] = {"M01": FundsRefusal.SHORT, "M02": FundsRefusal.NO_ACCOUNT}

_Number = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{15,18}$")]
_Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}\.[0-9]{2}$")]


class SaidAccount(Said):
    """What is in somebody's account."""

    aac002: _Number = Field(repr=False)
    balance: _Money = Field(repr=False)


class SaidBalances(Said):
    """The accounts of those who were asked about and have one."""

    accounts: list[SaidAccount] = Field(max_length=100, repr=False)


class SaidOrder(Said):
    """Which order is spoken of."""

    order_no: UUID = Field(strict=False)


class SaidRefusal(SaidOrder):
    """Why an order was refused for good."""

    reason: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]


class SaidPaid(SaidOrder):
    """What was paid by an order, and whether it was given back."""

    amount: _Money
    given_back: bool


class SaidBook(Said):
    """The orders among those asked about by which something was paid."""

    orders: list[SaidPaid] = Field(max_length=100)


class NationalMedicalFunds(MedicalFunds):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, gateway: NationalGateway) -> None:
        self._gateway = gateway

    async def balances(self, numbers: Collection[str]) -> Mapping[str, Decimal]:
        if not numbers:
            return {}
        said = _read(await self._ask(BALANCES, {"aac002": sorted(numbers)}), SaidBalances)
        found = {account.aac002: Decimal(account.balance) for account in said.accounts}
        if len(found) != len(said.accounts) or not found.keys() <= set(numbers):
            raise _not_believed("accounts")
        return found

    async def settle(self, order: FundsOrder) -> FundsRefusal | None:
        parts = [{"aac002": number, "amount": f"{amount:.2f}"} for number, amount in sorted(order.parts.items())]
        reply = await self._ask(SETTLE, {"order_no": str(order.id), "office": order.office_id, "parts": parts})
        if reply.meaning is not Meaning.REFUSED:
            _require_own(_read(reply, SaidOrder), order.id)
            return None
        said = _read(reply, SaidRefusal)
        _require_own(said, order.id)
        if said.reason not in _REFUSALS:
            logger(__name__).warning("national_funds_refused", order_id=str(order.id), reason=said.reason)
        return _REFUSALS.get(said.reason, FundsRefusal.NO_ACCOUNT)

    async def give_back(self, order_id: UUID) -> None:
        reply = await self._ask(GIVE_BACK, {"order_no": str(order_id)})
        _require_own(_read(reply, SaidOrder), order_id)

    async def paid(self, order_ids: Collection[UUID]) -> Mapping[UUID, Paid]:
        if not order_ids:
            return {}
        asked = sorted(map(str, order_ids))
        said = _read(await self._ask(PAID, {"order_no": asked}), SaidBook)
        found = {each.order_no: Paid(Decimal(each.amount), each.given_back) for each in said.orders}
        if len(found) != len(said.orders) or not found.keys() <= set(order_ids):
            raise _not_believed("orders")
        return found

    async def _ask(self, call: Call, content: Mapping[str, object]) -> Reply:
        try:
            return await self._gateway.ask(Group.MEDICAL_FUNDS, call, content)
        except NationalSilent as error:
            raise MedicalFundsUnavailable(retry_after_seconds=error.retry_after_seconds) from error


def _require_own(said: SaidOrder, order_id: UUID) -> None:
    if said.order_no != order_id:
        raise _not_believed("order")


def _read(reply: Reply, model: type[Model]) -> Model:
    try:
        return reply.read(model)
    except NationalSilent as error:
        raise MedicalFundsUnavailable(retry_after_seconds=error.retry_after_seconds) from error


def _not_believed(what: str) -> MedicalFundsUnavailable:
    logger(__name__).warning("national_funds_not_believed", what=what)
    return MedicalFundsUnavailable()
