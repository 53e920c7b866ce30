"""Insurance records of an authority's gateway: JSON over HTTP, signed both ways (docs/gateways.md)."""

from collections.abc import Callable
from typing import TypeVar

import httpx

from app.adapters.gateways import Answer, Gateway, GatewaySilent
from app.adapters.insurance import contract
from app.adapters.insurance.contract import Asked, NotBelieved, Page, SaidBenefit, SaidContribution, SaidParticipation
from app.adapters.webhooks import NotGenuine
from app.core.clock import Clock
from app.core.logging import logger
from app.core.settings.groups import GatewaySettings
from app.ports.insurance import (
    Answered,
    Authority,
    Benefit,
    Contribution,
    Insurance,
    InsuranceRecords,
    InsuranceUnavailable,
    Item,
    Participation,
    Silence,
)

_Page = TypeVar("_Page", bound=Page)  # type: ignore[type-arg] # of whatever it is


class GatewayInsurance(InsuranceRecords):
    """One authority behind its gateway; whatever it says that the contract does not have is no answer."""

    def __init__(
        self, authority: Authority, settings: GatewaySettings, clock: Clock, client: httpx.AsyncClient
    ) -> None:
        self._authority = authority
        self._clock = clock
        self._gateway = Gateway(settings, clock, client)

    async def participations(self, number: str) -> Answered[Participation]:
        return await self._ask("participations", number, None, Page[SaidParticipation], contract.participations)

    async def contributions(self, number: str, insurance: Insurance) -> Answered[Contribution]:
        return await self._ask("contributions", number, insurance, Page[SaidContribution], contract.contributions)

    async def benefits(self, number: str, insurance: Insurance) -> Answered[Benefit]:
        return await self._ask("benefits", number, insurance, Page[SaidBenefit], contract.benefits)

    async def _ask(
        self,
        what: str,
        number: str,
        insurance: Insurance | None,
        shape: type[_Page],
        told: Callable[[Asked, _Page], Answered[Item]],
    ) -> Answered[Item]:
        about = {} if insurance is None else {"insurance": insurance.value}
        answer = await self._exchange(f"/{what}", {"aac002": number, **about})
        try:
            page = answer.read(shape)
            return told(Asked(self._authority, number, insurance, self._clock.now()), page)
        except GatewaySilent as error:  # written into the log where it was read
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD) from error
        except NotBelieved as error:
            self._warn("insurance_not_believed", str(error))
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD) from error

    async def _exchange(self, path: str, body: object) -> Answer:
        try:
            answer = await self._gateway.ask_signed("POST", path, body)
        except GatewaySilent as error:
            raise InsuranceUnavailable(Silence.NO_ANSWER) from error
        except NotGenuine as error:
            self._warn("insurance_not_genuine", error.flaw.value)
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD) from error
        if answer.status != 200:
            self._warn("insurance_refused", str(answer.status))
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD)
        return answer

    def _warn(self, event: str, why: str) -> None:
        logger(__name__).warning(event, authority=self._authority.value, why=why)
