"""Channels as clients of ours (OAuth 2.0): they sign who they are (RFC 7523), and get a token for ten minutes."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session
from app.core.errors import Denied, FieldError, Invalid, Unauthenticated
from app.core.tokens.assertions import Assertion, AssertionNotTaken, AssertionNotTimely
from app.core.tokens.published import NotOurs, Published
from app.models.channels import ChannelKey, ChannelMessage
from app.services.channel_registry import standing

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
LIFETIME: Final = timedelta(minutes=10)
_TYP: Final = "channel+jwt"  # of tokens; nothing else that we sign has it
_CLAIMS: Final = re.compile(r"[\x20-\x7e]{1,200}")


class Scope(StrEnum):
    """What a channel's token is good for."""

    EVENTS = "events"
    SECRETS = "secrets"


class ChannelNotKnown(Unauthenticated):
    """It is not signed by a channel of ours; why not is not said."""

    code = "channel-not-known"
    challenge = 'Bearer error="invalid_client"'


class AssertionLate(Unauthenticated):
    """A channel has signed it, and it is over, is not yet to be, or would be good for more than five minutes."""

    code = "assertion-not-timely"
    challenge = 'Bearer error="invalid_client"'


class AssertionReplayed(Unauthenticated):
    """A channel has signed it, and it was taken before."""

    code = "assertion-replayed"
    challenge = 'Bearer error="invalid_client"'


class ChannelTokenRefused(Unauthenticated):
    """The channel's token is missing, forged, over or not of ours."""

    code = "channel-token-refused"
    challenge = 'Bearer error="invalid_token"'


class ScopeNeeded(Denied):
    """The channel's token is not for this."""

    code = "scope-needed"


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a channel has signed, heard for the first time."""

    channel: str
    claims: Mapping[str, Any] = field(repr=False)


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


async def hear(db: Database, token: str, *, typ: str, audience: str) -> Said:
    """Return what a channel has signed; the same is heard once.

    Raises:
        ChannelNotKnown: no channel of ours has, or not for us.
        AssertionLate: not now.
        AssertionReplayed: it was heard before.
        ChannelStopped: the channel is not open.
    """
    try:
        assertion = Assertion.read(token)
        key = await db.run(lambda session: _key(session, assertion))
        claims = assertion.claims(key, typ=typ, audience=audience, now=db.clock.now().timestamp())
    except AssertionNotTaken as error:
        raise ChannelNotKnown from error
    except AssertionNotTimely as error:
        raise AssertionLate from error
    await db.run(lambda session: _take(session, assertion.issuer, claims["jti"]))
    return Said(assertion.issuer, claims)


async def token(
    db: Database, published: Published, assertion: str, scope: str | None, *, client_id: str | None, audience: str
) -> Token:
    """Give a channel a token for what it asks for; for all that there is when it does not say.

    Args:
        client_id: who it says to be, if it says so at all: whoever has signed (RFC 7521 §4.2).

    Raises:
        Invalid: it asks for something that there is not.
        ChannelNotKnown, AssertionLate, AssertionReplayed, ChannelStopped: see `hear`.
    """
    try:
        scopes = frozenset(Scope(word) for word in scope.split()) if scope else frozenset(Scope)
    except ValueError as error:
        raise Invalid(errors=[FieldError("/scope", "choice", allowed=tuple(Scope))]) from error
    said = await hear(db, assertion, typ="JWT", audience=audience)
    # For a client's own authentication both are the client (RFC 7523 §3).
    if said.claims.get("sub") != said.channel or client_id not in (None, said.channel):
        raise ChannelNotKnown
    now = int(db.clock.now().timestamp())
    claims = {
        "aud": audience,
        "sub": said.channel,
        "iat": now,
        "exp": now + int(LIFETIME.total_seconds()),
        "scope": " ".join(sorted(scopes)),
    }
    return Token(published.sign(_TYP, claims), scopes)


async def caller(db: Database, published: Published, value: str, *, audience: str) -> Client:
    """Return which channel holds a token.

    Raises:
        ChannelTokenRefused: it is none of ours, or over.
        ChannelStopped: the channel is not open any more.
    """
    try:
        said = published.verify(_TYP, value)
    except NotOurs as error:
        raise ChannelTokenRefused from error
    match said:
        case {"aud": aud, "sub": str(name), "exp": int(expires), "scope": str(scope)} if aud == audience:
            if db.clock.now().timestamp() >= expires:
                raise ChannelTokenRefused
        case _:
            raise ChannelTokenRefused
    await db.run(lambda session: standing.require_open(session, name))
    return Client(name, frozenset(Scope(word) for word in scope.split()))


def require(client: Client, scope: Scope) -> None:
    """Check that a channel's token is for this.

    Raises:
        ScopeNeeded: it is not.
    """
    if scope not in client.scopes:
        raise ScopeNeeded


async def _key(session: Session, assertion: Assertion) -> Mapping[str, Any]:
    if not _CLAIMS.fullmatch(assertion.issuer) or not _CLAIMS.fullmatch(assertion.key_id):
        raise AssertionNotTaken
    held = await session.get(ChannelKey, (assertion.issuer, assertion.key_id))
    if held is None:
        raise AssertionNotTaken
    return held.jwk


async def _take(session: Session, channel: str, message: str) -> None:
    await standing.require_open(session, channel)
    taken = await session.scalar(
        insert(ChannelMessage)
        .values(
            bucket=session.lookup.bucket("channel-message", f"{channel} {message}"),
            channel=channel,
            message=message,
            heard_at=session.now,
        )
        .on_conflict_do_nothing()
        .returning(ChannelMessage.message)
    )
    if taken is None:
        raise AssertionReplayed
