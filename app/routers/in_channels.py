"""Who calls from a channel in which what they ask for may be done."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends

from app.models.channels import ChannelService
from app.routers.deps import Caller, TheHouse
from app.services.accounts.sessions import Caller as SessionCaller
from app.services.channel_registry import standing


def _from_where(service: ChannelService) -> Callable[..., Awaitable[SessionCaller]]:
    """Make a dependency that returns the caller, and raises `ServiceNotInChannel` where their channel may not do it."""

    async def caller_there(caller: Caller, house: TheHouse) -> SessionCaller:
        if service not in caller.channel_services.split():
            await house.db.run(lambda session: standing.require_service(session, caller.channel, service))
        return caller

    return caller_there


CardOrdersCaller = Annotated[SessionCaller, Depends(_from_where(ChannelService.CARD_ORDERS))]
CertificationsCaller = Annotated[SessionCaller, Depends(_from_where(ChannelService.CERTIFICATIONS))]
EnrolCaller = Annotated[SessionCaller, Depends(_from_where(ChannelService.ENROL))]
RightsCaller = Annotated[SessionCaller, Depends(_from_where(ChannelService.RIGHTS))]
SharingCaller = Annotated[SessionCaller, Depends(_from_where(ChannelService.SHARING))]
TransfersCaller = Annotated[SessionCaller, Depends(_from_where(ChannelService.TRANSFERS))]
"""Whoever is surely signed in, in a channel that may do this. What is taken back may be so in any."""

IN_CHANNELS = (CardOrdersCaller, CertificationsCaller, EnrolCaller, RightsCaller, SharingCaller, TransfersCaller)
