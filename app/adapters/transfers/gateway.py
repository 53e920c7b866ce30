"""Transfers through the gateway of the places; the contract is in docs/gateways.md, its codes are read here alone."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import httpx
from pydantic import Field, StringConstraints

from app.adapters.gateways import Gateway, Said
from app.adapters.orders import Code, OrderGateway, SaidOrder, SaidStep
from app.core.clock import Clock
from app.core.settings.groups import GatewaySettings
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
_Region = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class _SaidPlace(Said):
    aab301: _Region
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    online: bool
    aae140: Annotated[list[Code], Field(max_length=16)]


class _SaidWithdrawal(SaidOrder):
    withdrawn: bool


class GatewayTransfers(Transfers):
    """Asks the gateway, and believes no answer that the contract does not have."""

    def __init__(self, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient) -> None:
        self._gateway = OrderGateway(Gateway(settings, clock, client), clock, "transfers", TransfersUnavailable)

    async def place(self, region: str) -> Place | None:
        answer = await self._gateway.ask("GET", f"/places/{region}")
        if answer.status == 404:
            return None
        said = self._gateway.read(answer, _SaidPlace, {200})
        if said.aab301 not in (region, f"{region[:4]}00", f"{region[:2]}0000"):
            raise self._gateway.not_believed("place")
        known = frozenset(insurance for insurance, code in _INSURANCES.items() if code in said.aae140)
        return Place(said.aab301, said.name, said.online, known)

    async def submit(self, order: TransferOrder) -> TransferNews | None:
        refusal = await self._gateway.submit(
            f"/transfers/{order.id}",
            order.id,
            {
                "aac002": order.number,
                "aac003": order.name,
                "aae140": _INSURANCES[order.insurance],
                "aab301_out": order.from_region,
                "aab301_in": order.to_region,
            },
        )
        if refusal is None:
            return None
        news = self._news(refusal)
        if news.stage is not TransferStage.REJECTED:
            raise self._gateway.not_believed("status")
        return news

    async def progress(self, order_id: UUID) -> tuple[TransferNews, ...]:
        answer = await self._gateway.ask("GET", f"/transfers/{order_id}")
        return tuple(self._news(step) for step in self._gateway.steps(answer, order_id))

    async def withdraw(self, order_id: UUID) -> bool:
        answer = await self._gateway.ask("DELETE", f"/transfers/{order_id}")
        return self._gateway.read_own(answer, _SaidWithdrawal, {200}, order_id).withdrawn

    def _news(self, step: SaidStep) -> TransferNews:
        stage = _STAGES.get(step.status)
        if stage is None:
            raise self._gateway.not_believed("status")
        if stage is not TransferStage.REJECTED:
            return TransferNews(stage, step.at, step.status)
        return TransferNews(stage, step.at, step.code, _REJECTIONS.get(step.reason or "", TransferRejection.OTHER))
