"""Transfers through the gateway of the places; the contract is in docs/gateways.md, its codes are read here alone."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Final
from uuid import UUID

import httpx
from pydantic import AwareDatetime, Field, StringConstraints

from app.adapters.gateways import Answer, Gateway, GatewaySilent, Model, Said
from app.core.clock import Clock
from app.core.logging import logger
from app.core.settings import GatewaySettings
from app.ports.transfers import (
    Place,
    TransferInsurance,
    TransferNews,
    TransferOrder,
    TransferRejection,
    Transfers,
    TransferStage,
    TransfersUnavailable,
)

_INSURANCES: Final[Mapping[TransferInsurance, str]] = {
    TransferInsurance.PENSION: "110",
    TransferInsurance.UNEMPLOYMENT: "210",
    TransferInsurance.MEDICAL: "310",
    TransferInsurance.WORK_INJURY: "410",
    TransferInsurance.MATERNITY: "510",
}
"""aae140, as the domain lists them."""
_STAGES: Final[Mapping[str, TransferStage]] = {
    "11": TransferStage.REVIEWING_AT_NEW_PLACE,
    "12": TransferStage.LETTER_SENT,
    "21": TransferStage.REVIEWING_AT_OLD_PLACE,
    "22": TransferStage.FUNDS_SENT,
    "31": TransferStage.FUNDS_RECEIVED,
    "32": TransferStage.SETTLING,
    "33": TransferStage.DONE,
    "91": TransferStage.REJECTED,
    "92": TransferStage.WITHDRAWN,
}
_REJECTIONS: Final[Mapping[str, TransferRejection]] = {
    "R01": TransferRejection.DETAILS_DIFFER,
    "R02": TransferRejection.NO_RECORD,
    "R03": TransferRejection.STILL_PAYING,
    "R04": TransferRejection.ARREARS,
    "R05": TransferRejection.BENEFITS_DRAWN,
    "R06": TransferRejection.TEMPORARY_ACCOUNT,
    "R07": TransferRejection.UNDER_WAY_ELSEWHERE,
}
_AHEAD: Final = timedelta(minutes=5)  # how far a gateway's clock may be before ours
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")]
_Region = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class _SaidPlace(Said):
    aab301: _Region
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    online: bool
    aae140: Annotated[list[_Code], Field(max_length=16)]


class _SaidOrder(Said):
    order_no: str


class _SaidStep(Said):
    status: _Code
    at: AwareDatetime
    reason: _Code | None = None


class _SaidRefusal(_SaidOrder, _SaidStep):
    pass


class _SaidProgress(_SaidOrder):
    steps: Annotated[list[_SaidStep], Field(max_length=32)]


class _SaidWithdrawal(_SaidOrder):
    withdrawn: bool


class GatewayTransfers(Transfers):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = Gateway(settings, clock, client)
        self._clock = clock

    async def place(self, region: str) -> Place | None:
        answer = await self._ask("GET", f"/places/{region}")
        if answer.status == 404:
            return None
        said = _read(answer, _SaidPlace, {200})
        if said.aab301 not in (region, f"{region[:4]}00", f"{region[:2]}0000"):
            raise _not_believed("place")
        known = frozenset(insurance for insurance, code in _INSURANCES.items() if code in said.aae140)
        return Place(said.aab301, said.name, said.online, known)

    async def submit(self, order: TransferOrder) -> TransferNews | None:
        answer = await self._ask(
            "PUT",
            f"/transfers/{order.id}",
            {
                "order_no": str(order.id),
                "aac002": order.number,
                "aac003": order.name,
                "aae140": _INSURANCES[order.insurance],
                "aab301_out": order.from_region,
                "aab301_in": order.to_region,
            },
        )
        if answer.status == 422:
            refused = _read(answer, _SaidRefusal, {422})
            _require_own(refused, order.id)
            return self._news(refused, only=TransferStage.REJECTED)
        _require_own(_read(answer, _SaidOrder, {200, 201}), order.id)
        return None

    async def progress(self, order_id: UUID) -> tuple[TransferNews, ...]:
        said = _read(await self._ask("GET", f"/transfers/{order_id}"), _SaidProgress, {200})
        _require_own(said, order_id)
        steps = tuple(self._news(step) for step in said.steps)
        if any(later.at < earlier.at for earlier, later in pairwise(steps)):
            raise _not_believed("order_of_times")
        return steps

    async def withdraw(self, order_id: UUID) -> bool:
        said = _read(await self._ask("DELETE", f"/transfers/{order_id}"), _SaidWithdrawal, {200})
        _require_own(said, order_id)
        return said.withdrawn

    async def _ask(self, method: str, path: str, body: object = None) -> Answer:
        try:
            return await self._gateway.ask(method, path, body)
        except GatewaySilent as error:
            raise TransfersUnavailable from error

    def _news(self, step: _SaidStep, only: TransferStage | None = None) -> TransferNews:
        stage = _STAGES.get(step.status)
        if stage is None or only not in (None, stage):
            raise _not_believed("status")
        if step.at > self._clock.now() + _AHEAD:
            raise _not_believed("time")
        if stage is not TransferStage.REJECTED:
            return TransferNews(stage, step.at, step.status)
        reason = _REJECTIONS.get(step.reason or "", TransferRejection.OTHER)
        return TransferNews(stage, step.at, "/".join(filter(None, (step.status, step.reason))), reason)


def _read(answer: Answer, model: type[Model], good: set[int]) -> Model:
    if answer.status not in good:
        raise _not_believed(f"http_{answer.status}")
    try:
        return answer.read(model)
    except GatewaySilent as error:
        raise TransfersUnavailable from error


def _require_own(said: _SaidOrder, order_id: UUID) -> None:
    """Check that an answer is about the order that was asked about.

    Raises:
        TransfersUnavailable: it is about another, so nothing of it is believed.
    """
    if said.order_no != str(order_id):
        raise _not_believed("order")


def _not_believed(what: str) -> TransfersUnavailable:
    logger(__name__).warning("transfers_not_believed", what=what)
    return TransfersUnavailable()
