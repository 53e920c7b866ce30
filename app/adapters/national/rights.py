"""Insurance records of both authorities through the national gateway, in the shapes of docs/gateways.md."""

from collections.abc import Callable
from typing import Final, TypeVar

from app.adapters.insurance import contract
from app.adapters.insurance.contract import Asked, NotBelieved, Page, SaidBenefit, SaidContribution, SaidParticipation
from app.adapters.national.codes import BENEFITS, CONTRIBUTIONS, PARTICIPATIONS, Call, Group
from app.adapters.national.gateway import NationalGateway, NationalSilent, Reply
from app.core.clock import Clock
from app.core.logging import logger
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

_GROUPS: Final = {
    Authority.HUMAN_RESOURCES: Group.HUMAN_RESOURCES,
    Authority.HEALTHCARE_SECURITY: Group.HEALTHCARE_SECURITY,
}
_Page = TypeVar("_Page", bound=Page)  # type: ignore[type-arg] # of whatever it is


class NationalInsurance(InsuranceRecords):
    """One authority behind the gateway; whatever it says that the contract does not have is no answer."""

    def __init__(self, authority: Authority, gateway: NationalGateway, clock: Clock) -> None:
        self._authority = authority
        self._gateway = gateway
        self._clock = clock

    async def participations(self, number: str) -> Answered[Participation]:
        return await self._ask(PARTICIPATIONS, number, None, Page[SaidParticipation], contract.participations)

    async def contributions(self, number: str, insurance: Insurance) -> Answered[Contribution]:
        return await self._ask(CONTRIBUTIONS, number, insurance, Page[SaidContribution], contract.contributions)

    async def benefits(self, number: str, insurance: Insurance) -> Answered[Benefit]:
        return await self._ask(BENEFITS, number, insurance, Page[SaidBenefit], contract.benefits)

    async def _ask(
        self,
        call: Call,
        number: str,
        insurance: Insurance | None,
        shape: type[_Page],
        told: Callable[[Asked, _Page], Answered[Item]],
    ) -> Answered[Item]:
        reply = await self._exchange(call, number, insurance)
        try:
            return told(Asked(self._authority, number, insurance, self._clock.now()), reply.read(shape))
        except NationalSilent as error:  # written into the log where it was read
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD) from error
        except NotBelieved as error:
            logger(__name__).warning("national_rights_not_believed", authority=self._authority.value, why=str(error))
            raise InsuranceUnavailable(Silence.NOT_UNDERSTOOD) from error

    async def _exchange(self, call: Call, number: str, insurance: Insurance | None) -> Reply:
        about = {} if insurance is None else {"insurance": insurance.value}
        try:
            return await self._gateway.ask(
                _GROUPS[self._authority], call, {"aac002": number, "authority": self._authority.value, **about}
            )
        except NationalSilent as error:
            silence = Silence.NOT_UNDERSTOOD if error.is_heard else Silence.NO_ANSWER
            raise InsuranceUnavailable(silence, retry_after_seconds=error.retry_after_seconds) from error
