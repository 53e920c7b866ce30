"""Wire shapes of channels."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints

from app.core.tokens.tickets import LIFETIME
from app.schemas.accounts import DeviceAsk, Ticket
from app.schemas.base import Asked, Moment, Told
from app.schemas.next_steps import WayRead
from app.services.channels.entering import Unknown
from app.services.channels.using import Place

AuthCode = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,256}$")]


class ChannelSessionAsk(Asked):
    """A sign-in by the platform that runs the channel."""

    auth_code: AuthCode = Field(description="What the platform has given to the channel: `auth_code`, `js_code`")
    device: DeviceAsk


class ChannelTicketAsk(Asked):
    """The ticket of a sign-in by a channel that nobody knew."""

    channel_ticket: Ticket


class ChannelTicketRead(Told):
    """The channel has told who comes; nobody knows them here yet: the ticket goes into a sign-in or registration."""

    ticket: str
    expires_in: int
    next: list[WayRead]

    @classmethod
    def of(cls, unknown: Unknown) -> Self:
        ways = (("sign-in", "/v1/sessions"), ("register", "/v1/accounts"))
        return cls(
            ticket=unknown.ticket,
            expires_in=int(LIFETIME.total_seconds()),
            next=[WayRead(step=step, method="POST", href=href) for step, href in ways],
        )


class ChannelRead(Told):
    """A channel in which my e-card is used."""

    channel: str
    issue_number: str = Field(description="signNo: a new one whenever the card comes back to a channel")
    since: Moment
    last_used_at: Moment | None = Field(description="When a session of mine there was renewed last")
    is_current: bool = Field(description="Whether this is the channel that asks")

    @classmethod
    def of(cls, place: Place) -> Self:
        return cls(
            channel=place.channel,
            issue_number=place.issue_number,
            since=place.since,
            last_used_at=place.last_used_at,
            is_current=place.is_here,
        )
