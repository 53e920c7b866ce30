"""Lets a channel send its users here: what they are to open is signed by it, so that nobody else can say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from app.core.db import Database, Session
from app.core.errors import FieldError, Invalid
from app.models.channels import Channel, ChannelService
from app.ports.signer import Verifier
from app.services.channel_registry import standing
from app.services.channels import signed
from app.services.channels.clients import ChannelNotYours

_TYP: Final = "launch+jwt"
_LONGEST: Final = 512
ADDRESSES: Final[Mapping[ChannelService, str]] = {
    ChannelService.SHOW_CODE: "/v1/holders/{holder}/card/codes",
    ChannelService.ENROL: "/v1/enrolments",
    ChannelService.RIGHTS: "/v1/holders/{holder}/rights",
    ChannelService.CERTIFICATIONS: "/v1/holders/{holder}/benefit-certifications",
    ChannelService.TRANSFERS: "/v1/holders/{holder}/transfers",
    ChannelService.CARD_ORDERS: "/v1/holders/{holder}/card-orders",
    ChannelService.SHARING: "/v1/sharing/bindings",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be opened, and where its user goes back to with which `state`, as the channel has signed it."""

    channel: str
    service: ChannelService
    return_to: str | None
    state: str | None

    @property
    def address(self) -> str:
        """Where the service is."""
        return ADDRESSES[self.service]


async def launch(db: Database, verifier: Verifier | None, channel: str, token: str, *, audience: str) -> Launch:
    """Return what a channel wants to be opened; the same launch is good once.

    Raises:
        ChannelNotYours: another channel has signed it.
        Invalid: it names no service, or wants to go back somewhere that is not the channel's.
        ServiceNotInChannel: not in this channel.
        ChannelNotKnown, AssertionLate, SignerUnavailable, AssertionReplayed, ChannelStopped: see `signed`.
    """
    said = await signed.read(db, verifier, token, typ=_TYP, audience=audience)
    if said.channel != channel:
        raise ChannelNotYours
    wanted = _wanted(said)
    await db.run(lambda session: _take(session, said, wanted))
    return wanted


async def _take(session: Session, said: signed.Said, wanted: Launch) -> None:
    channel = await signed.take(session, said)
    if wanted.return_to is not None and not _is_of(wanted.return_to, channel):
        raise Invalid(errors=[FieldError("/launch/return_to", "not_of_channel")])
    await standing.require_allowed(session, channel, wanted.service)


def _wanted(said: signed.Said) -> Launch:
    service = said.claims.get("service")
    if not isinstance(service, str) or service not in set(ChannelService):
        raise Invalid(errors=[FieldError("/launch/service", "choice", allowed=tuple(ChannelService))])
    return Launch(said.channel, ChannelService(service), _text(said, "return_to"), _text(said, "state"))


def _text(said: signed.Said, name: str) -> str | None:
    value: Any = said.claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not value.isprintable():
        raise Invalid(errors=[FieldError(f"/launch/{name}", "wrong_type")])
    return value


def _is_of(address: str, channel: Channel) -> bool:
    """Say whether an address lies where the channel is: the same scheme, host and port as its entry."""
    if channel.entry is None:
        return False
    try:
        wanted, own = urlsplit(address), urlsplit(channel.entry)
    except ValueError:  # a host that cannot be one
        return False
    return (wanted.scheme, wanted.netloc) == (own.scheme, own.netloc) and wanted.username is None
