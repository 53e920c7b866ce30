"""Wire shapes of what channels do themselves: their tokens, launches, events and secrets."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from app.models.channels import CardEvent, ChannelService
from app.schemas.base import Asked, Moment, MomentAsk, Short, Told
from app.services.channels.clients import ASSERTION_TYPE, LIFETIME, Token
from app.services.channels.launching import Launch
from app.services.channels.replaying import MOST_COUNTED, ChannelEvent, EventState, Settled

Jwt = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,8192}$")]
"""A compact JWS (RFC 7515 §3.1)."""


class TokenAsk(Asked):
    """What a channel asks a token with (RFC 6749 §4.4, RFC 7523 §2.2)."""

    grant_type: Literal["client_credentials"]
    client_assertion_type: Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"] = Field(
        description=f"`{ASSERTION_TYPE}`"
    )
    client_assertion: Jwt
    scope: Annotated[str, StringConstraints(pattern=r"^[a-z]+( [a-z]+)*$", max_length=64)] | None = Field(
        default=None, description="Words with spaces between; left out, the token is good for everything"
    )
    client_id: Short | None = Field(default=None, description="The channel's name, if it is said at all")


class TokenRead(Told):
    """A token of a channel's, for what it does itself (RFC 6749 §5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int = Field(description="Seconds")
    scope: str

    @classmethod
    def of(cls, token: Token) -> Self:
        return cls(
            access_token=token.value,
            expires_in=int(LIFETIME.total_seconds()),
            scope=" ".join(sorted(token.scopes)),
        )


class LaunchAsk(Asked):
    """What a channel wants to be opened, as it has signed it."""

    launch: Jwt = Field(description="A JWT with `iss, aud, iat, exp, jti, service` and, if wished, `return_to, state`")


class LaunchRead(Told):
    """What is to be opened."""

    channel: str
    service: ChannelService
    href: str = Field(description="Where the service is; `{holder}` is `me` or a family link's id")
    sign_in: str = Field(description="Where this channel's users sign in")
    return_to: str | None = Field(description="Where its user goes back to")
    state: str | None = Field(description="To be handed back with them, untouched")

    @classmethod
    def of(cls, launch: Launch) -> Self:
        return cls(
            channel=launch.channel,
            service=launch.service,
            href=launch.address,
            sign_in=f"/v1/channels/{launch.channel}/sessions",
            return_to=launch.return_to,
            state=launch.state,
        )


class ChannelEventRead(Told):
    """An event of a card that is used in the channel, and whether the channel has taken it."""

    id: str = Field(description="The `webhook-id`, the same however often it is sent")
    type: CardEvent
    issue_number: str
    created_at: Moment
    state: EventState
    attempts: int = Field(description="Since it was sent first, or again by hand")
    settled_at: Moment | None = Field(description="When it was taken, or given up")
    next_try_at: Moment | None

    @classmethod
    def of(cls, event: ChannelEvent) -> Self:
        return cls(
            id=event.webhook_id,
            type=CardEvent(event.event),
            issue_number=event.issue_number,
            created_at=event.created_at,
            state=event.state,
            attempts=event.attempts,
            settled_at=event.settled_at,
            next_try_at=event.next_try_at,
        )


class ReplayAsk(Asked):
    """Which events are to be sent again."""

    since: MomentAsk = Field(description="Those that have come to be since then; 30 days are kept")
    state: Settled = Settled.GIVEN_UP
    cursor: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="`next_cursor` of the answer before, to go on after what that took"
    )


class ReplayRead(Told):
    """How many events are on their way again: five hundred at once, the oldest first."""

    count: int
    remaining: int = Field(description=f"How many more there are; {MOST_COUNTED} may be more")
    next_cursor: str | None


class ChannelSecretRead(Told):
    """A new secret, told this once; events are signed with it and the one before, until that is forgotten."""

    secret: str
