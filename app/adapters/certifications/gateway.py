"""The authority that pays benefits, behind its gateway; the contract is in docs/gateways.md, read here alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Final, Literal
from uuid import UUID

import httpx
from pydantic import Field, StringConstraints

from app.adapters.gateways import Answer, Gateway, GatewaySilent, Model, Said
from app.core.clock import Clock, today
from app.core.logging import logger
from app.core.settings import GatewaySettings
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
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")]


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


class _SaidReceipt(_SaidEntitlement):
    order_no: str


class _SaidRefusal(Said):
    order_no: str
    reason: _Code


class GatewayCertifications(Certifications):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = Gateway(settings, clock, client)
        self._clock = clock

    async def entitlement(self, number: str) -> Entitlement:
        answer = await self._ask("POST", "/entitlements", {"aac002": number})
        return self._believed(_read(answer, _SaidEntitlement, {200}), number)

    async def report(self, report: Report) -> Receipt:
        answer = await self._ask(
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
            refused = _read(answer, _SaidRefusal, {422})
            _require_own(refused.order_no, report.order)
            return Receipt(report.order, Entitlement(), _REFUSALS.get(refused.reason, Refusal.OTHER))
        said = _read(answer, _SaidReceipt, {200, 201})
        _require_own(said.order_no, report.order)
        return Receipt(report.order, self._believed(said, report.number))

    async def _ask(self, method: str, path: str, body: object) -> Answer:
        try:
            return await self._gateway.ask(method, path, body)
        except GatewaySilent as error:
            raise CertificationsUnavailable(retry_after_seconds=30) from error

    def _believed(self, said: _SaidEntitlement, number: str) -> Entitlement:
        """Translate what is said of somebody.

        Raises:
            CertificationsUnavailable: it is about somebody else, or cannot be.
        """
        if said.aac002 != number:
            raise _not_believed("person")
        certified_on, due_on = _day(said.certified_on), _day(said.due_on)
        day = today(self._clock.now())
        if certified_on is not None and certified_on > day + _AHEAD:
            raise _not_believed("certified_on")
        if due_on is not None and (due_on > day + _YEARS or (certified_on is not None and due_on <= certified_on)):
            raise _not_believed("due_on")
        if said.benefits and certified_on is None and due_on is None:
            raise _not_believed("no_day")
        return Entitlement(
            benefits=tuple(_benefit(each) for each in said.benefits),
            certified_on=certified_on,
            way=None if said.way is None else Way(said.way),
            due_on=due_on,
        )


def _benefit(said: _SaidBenefit) -> Benefit:
    restored_on = _day(said.restored_on)
    if (said.payment == "restored") != (restored_on is not None):
        raise _not_believed("payment")
    return Benefit(
        kind=CertifiedKind(said.benefit),
        payment=PaymentState(said.payment),
        suspended_since=_day(said.suspended_since),
        restored_on=restored_on,
        back_paid=None if said.back_paid is None else Decimal(said.back_paid),
        back_paid_months=said.back_paid_months,
    )


def _day(said: str | None) -> date | None:
    try:
        return None if said is None else date.fromisoformat(said)
    except ValueError:
        raise _not_believed("day") from None


def _read(answer: Answer, model: type[Model], good: set[int]) -> Model:
    if answer.status not in good:
        raise _not_believed(f"http_{answer.status}")
    try:
        return answer.read(model)
    except GatewaySilent as error:
        raise CertificationsUnavailable(retry_after_seconds=30) from error


def _require_own(order_no: str, order: UUID) -> None:
    if order_no != str(order):
        raise _not_believed("order")


def _not_believed(what: str) -> CertificationsUnavailable:
    logger(__name__).warning("certifications_not_believed", what=what)
    return CertificationsUnavailable(retry_after_seconds=30)
