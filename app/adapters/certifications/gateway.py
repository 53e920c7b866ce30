"""The authority that pays benefits, behind its gateway; the contract is in docs/gateways.md, read here alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal

import httpx
from pydantic import Field, StringConstraints

from app.adapters.gateways import Gateway, Said
from app.adapters.orders import Code, OrderGateway, SaidOrder
from app.core.clock import Clock, today
from app.core.settings.groups import GatewaySettings
from app.ports.certifications import (
    Benefit,
    Certifications,
    CertificationsUnavailable,
    CertifiedKind,
    Entitlement,
    PaymentState,
    Receipt,
    Refusal,
    Report,
    Way,
)

_REFUSALS: Final[Mapping[str, Refusal]] = {"N01": Refusal.NOT_ENTITLED, "N02": Refusal.DECEASED}
_AHEAD: Final = timedelta(days=1)  # how far a gateway's day may be before ours
_YEARS: Final = timedelta(days=3 * 366)  # nobody is certified for longer
_Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Money = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}\.[0-9]{2}$")]


class _SaidBenefit(Said):
    benefit: Literal["pension", "survivor", "injury"]
    payment: Literal["paid", "suspended", "restored"]
    suspended_since: _Day | None = None
    restored_on: _Day | None = None
    back_paid: _Money | None = None
    back_paid_months: Annotated[int, Field(ge=0, le=600)] | None = None


class _SaidEntitlement(Said):
    aac002: str
    benefits: Annotated[list[_SaidBenefit], Field(max_length=16)]
    certified_on: _Day | None = None
    way: Literal["data_match", "face", "counter", "home_visit"] | None = None
    due_on: _Day | None = None


class _SaidReceipt(SaidOrder, _SaidEntitlement):
    pass


class _SaidRefusal(SaidOrder):
    reason: Code


class GatewayCertifications(Certifications):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        gateway = Gateway(settings, clock, client)
        self._gateway = OrderGateway(gateway, clock, "certifications", _unavailable)
        self._clock = clock

    async def entitlement(self, number: str) -> Entitlement:
        answer = await self._gateway.ask("POST", "/entitlements", {"aac002": number})
        return self._believed(self._gateway.read(answer, _SaidEntitlement, {200}), number)

    async def report(self, report: Report) -> Receipt:
        answer = await self._gateway.ask(
            "PUT",
            f"/certifications/{report.order}",
            {
                "order_no": str(report.order),
                "aac002": report.number,
                "way": report.way.value,
                "certified_at": report.certified_at.isoformat(),
            },
        )
        if answer.status == 422:
            refused = self._gateway.read_own(answer, _SaidRefusal, {422}, report.order)
            return Receipt(report.order, Entitlement(), _REFUSALS.get(refused.reason, Refusal.OTHER))
        said = self._gateway.read_own(answer, _SaidReceipt, {200, 201}, report.order)
        return Receipt(report.order, self._believed(said, report.number))

    def _believed(self, said: _SaidEntitlement, number: str) -> Entitlement:
        """Translate what is said of somebody.

        Raises:
            CertificationsUnavailable: it is about somebody else, or cannot be.
        """
        if said.aac002 != number:
            raise self._gateway.not_believed("person")
        certified_on, due_on = self._day(said.certified_on), self._day(said.due_on)
        day = today(self._clock.now())
        if certified_on is not None and certified_on > day + _AHEAD:
            raise self._gateway.not_believed("certified_on")
        if due_on is not None and (due_on > day + _YEARS or (certified_on is not None and due_on <= certified_on)):
            raise self._gateway.not_believed("due_on")
        if said.benefits and certified_on is None and due_on is None:
            raise self._gateway.not_believed("no_day")
        return Entitlement(
            benefits=tuple(self._benefit(each) for each in said.benefits),
            certified_on=certified_on,
            way=None if said.way is None else Way(said.way),
            due_on=due_on,
        )

    def _benefit(self, said: _SaidBenefit) -> Benefit:
        restored_on = self._day(said.restored_on)
        if (said.payment == "restored") != (restored_on is not None):
            raise self._gateway.not_believed("payment")
        return Benefit(
            kind=CertifiedKind(said.benefit),
            payment=PaymentState(said.payment),
            suspended_since=self._day(said.suspended_since),
            restored_on=restored_on,
            back_paid=None if said.back_paid is None else Decimal(said.back_paid),
            back_paid_months=said.back_paid_months,
        )

    def _day(self, said: str | None) -> date | None:
        try:
            return None if said is None else date.fromisoformat(said)
        except ValueError:
            raise self._gateway.not_believed("day") from None


def _unavailable() -> CertificationsUnavailable:
    return CertificationsUnavailable(retry_after_seconds=30)
