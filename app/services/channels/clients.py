"""Channels as clients of ours (OAuth 2.0): they sign who they are (RFC 7523), and get a token for ten minutes."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from app.core.db import Database
from app.core.errors import Denied, FieldError, Invalid, NotFound, Unauthenticated
from app.core.tokens.published import NotOurs, Published
from app.ports.signer import Verifier
from app.services.channel_registry import keys
from app.services.channels import signed

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
LIFETIME: Final = timedelta(minutes=10)
_TYP: Final = "channel+jwt"  # of tokens; nothing else that we sign has it


class Scope(StrEnum):
    """What a channel's token is good for."""

    EVENTS = "events"
    SECRETS = "secrets"


class ChannelTokenRefused(Unauthenticated):
    """The channel's token is forged, over or not of ours, or the key that it was got with is the channel's no more."""

    code = "channel-token-refused"
    challenge = 'Bearer error="invalid_token"'


class ChannelNotYours(NotFound):
    """The path names another channel than the one that asks, be it there or not."""

    code = "channel-not-yours"


class ScopeNeeded(Denied):
    """The channel's token is not for this."""

    code = "scope-needed"


@dataclass(frozen=True, slots=True)
class Token:
    """A channel's access token, and what it is good for."""

    value: str = field(repr=False)
    scopes: Set[Scope]


@dataclass(frozen=True, slots=True)
class Client:
    """A channel that calls us itself, and what its token is good for."""

    channel: str
    scopes: Set[Scope]


async def token(
    db: Database,
    verifier: Verifier | None,
    published: Published,
    assertion: str,
    scope: str | None,
    *,
    client_id: str | None,
    audience: str,
) -> Token:
    """Give a channel a token for what it asks for; for all that there is when it does not say.

    Args:
        client_id: who it says to be, if it says so at all: whoever has signed (RFC 7521 §4.2).

    Raises:
        Invalid: it asks for something that there is not.
        ChannelNotKnown, AssertionLate, SignerUnavailable, AssertionReplayed, ChannelStopped: see `signed`.
    """
    try:
        scopes = frozenset(Scope(word) for word in scope.split()) if scope else frozenset(Scope)
    except ValueError as error:
        raise Invalid(errors=[FieldError("/scope", "choice", allowed=tuple(Scope))]) from error
    said = await signed.read(db, verifier, assertion, typ="JWT", audience=audience)
    # For a client's own authentication both are the client (RFC 7523 §3).
    if said.claims.get("sub") != said.channel or client_id not in (None, said.channel):
        raise signed.ChannelNotKnown
    await db.run(lambda session: signed.take(session, said))
    now = int(db.clock.now().timestamp())
    claims = {
        "aud": audience,
        "sub": said.channel,
        "kid": said.key_id,
        "key": said.key_digest,
        "iat": now,
        "exp": now + int(LIFETIME.total_seconds()),
        "scope": " ".join(sorted(scopes)),
    }
    return Token(published.sign(_TYP, claims), scopes)


async def caller(db: Database, published: Published, value: str, *, audience: str) -> Client:
    """Return which channel holds a token.

    Raises:
        ChannelTokenRefused: it is none of ours, or over, or the key that it was got with is the channel's no more.
        ChannelStopped: the channel is not open any more.
    """
    try:
        said = published.verify(_TYP, value)
    except NotOurs as error:
        raise ChannelTokenRefused from error
    match said:
        case {"aud": aud, "sub": str(name), "kid": str(kid), "key": str(key), "exp": int(expires), "scope": str(scope)}:
            if aud != audience or db.clock.now().timestamp() >= expires:
                raise ChannelTokenRefused
        case _:
            raise ChannelTokenRefused
    held = await db.run(lambda session: keys.in_force(session, name, kid))
    if held is None or keys.digest(held) != key:
        raise ChannelTokenRefused
    return Client(name, frozenset(Scope(word) for word in scope.split()))


def require(client: Client, scope: Scope) -> None:
    """Check that a channel's token is for this.

    Raises:
        ScopeNeeded: it is not.
    """
    if scope not in client.scopes:
        raise ScopeNeeded
