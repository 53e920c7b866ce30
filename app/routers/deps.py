"""What routes are given: the house they serve, and who calls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from app import texts
from app.core.db import Database
from app.core.errors import (
    FieldError,
    Invalid,
    NextStep,
    NotFound,
    Unauthenticated,
)
from app.core.passwords import Passwords
from app.core.settings import Settings
from app.core.tokens.access import AccessClaims, TokenRefused
from app.core.tokens.addresses import ReadingAddresses
from app.core.tokens.codes import PresentationCodes
from app.core.tokens.handovers import HandoverTokens
from app.core.tokens.published import Published
from app.core.tokens.tickets import ChannelTickets
from app.models.accounts import Assurance
from app.ports import Ports, Sandbox
from app.routers.metering import Meter
from app.routers.traffic import Traffic
from app.services import policies
from app.services.accounts import sessions
from app.services.accounts.doers import Doer
from app.services.accounts.sessions import Caller as SessionCaller
from app.services.accounts.sessions import Mint, MoreProofNeeded
from app.services.handovers import holding
from app.services.people.identifiers import Population
from app.services.people.phones import PhoneNotValid, parse_phone

CARD_PASSWORD_ACR = "urn:escard:acr:card-password"  # noqa: S105 - a name (RFC 9470), not a secret


class CardPasswordRequired(Unauthenticated):
    """This needs a card-password check not older than five minutes (RFC 9470)."""

    code = "card-password-required"
    challenge = f'Bearer error="insufficient_user_authentication", acr_values="{CARD_PASSWORD_ACR}", max_age="300"'


@dataclass(frozen=True, slots=True)
class House:
    """Everything a server is made of; built once by `app.main`."""

    settings: Settings
    db: Database
    ports: Ports
    mint: Mint
    addresses: ReadingAddresses
    published: Published
    codes: PresentationCodes
    tickets: ChannelTickets
    passwords: Passwords
    population: Population
    traffic: Traffic
    meter: Meter
    sandbox: Sandbox | None
    stopping: asyncio.Event
    closing: Sequence[Callable[[], Awaitable[None]]]


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


TheHouse = Annotated[House, Depends(_house)]


def language_of(request: Request) -> str:
    """Return the language of the answer."""
    return texts.choose_language(request.headers.get("accept-language"))


Language = Annotated[str, Depends(language_of)]


def _address(request: Request) -> str:
    address: str = request.scope["client_address"]
    return address


Address = Annotated[str, Depends(_address)]


_OPEN_LINK = NextStep("open-link", "/v1/handovers/openings")


def claims_of(request: Request, house: House) -> AccessClaims:
    """Read the access token of a request.

    Raises:
        Unauthenticated: there is none.
        TokenRefused: it is not a good one.
    """
    return house.mint.access.verify(bearer(request, sessions.SIGN_IN))


def bearer(request: Request, door: NextStep) -> str:
    """Return the token that a request brings; who brings none is shown the door where such tokens are.

    Raises:
        Unauthenticated: it brings none.
        TokenRefused: it is not a bearer's.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise Unauthenticated(next_step=door)
    if scheme.lower() != "bearer":
        raise TokenRefused(next_step=door)
    return token.strip()


async def _claims(request: Request, house: TheHouse) -> AccessClaims:
    return claims_of(request, house)


Claims = Annotated[AccessClaims, Depends(_claims)]
"""What a good access token says, for routes that look at the session in the trip that they make anyway."""


async def _any_caller(request: Request, house: TheHouse) -> SessionCaller:
    caller = await sessions.caller(house.db, claims_of(request, house))
    house.traffic.count_in_channel(caller.channel, caller.channel_requests_per_minute)
    return caller


AnyCaller = Annotated[SessionCaller, Depends(_any_caller)]
"""Whoever is signed in, be it by an SMS code alone."""


async def _caller(caller: AnyCaller) -> SessionCaller:
    if caller.assurance is not Assurance.FULL:
        raise MoreProofNeeded
    return caller


Caller = Annotated[SessionCaller, Depends(_caller)]
"""Whoever is surely signed in."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does a face step; `still_may` asks again whether they still may, and raises what is to be answered if not."""

    doer: Doer
    still_may: Callable[[], Awaitable[object]]


def still_signed_in(house: House, caller: SessionCaller) -> Callable[[], Awaitable[object]]:
    """Return a question to be asked now and then: whether a caller's session goes on.

    Asking raises:
        SessionEnded: it was ended, or is over.
    """
    return lambda: sessions.caller(house.db, caller.claims)


async def _holder(request: Request, house: TheHouse) -> holding.Holder:
    return await holding.holder(house.db, house.mint.handovers, bearer(request, _OPEN_LINK))


HandoverHolder = Annotated[holding.Holder, Depends(_holder)]
"""A member to whom a face step was handed over, with a token that is good for it alone."""


async def _doing(request: Request, house: TheHouse) -> Doing:
    token = bearer(request, sessions.SIGN_IN)
    if token.startswith(HandoverTokens.PREFIX):
        held = await _holder(request, house)
        return Doing(held.doer, lambda: holding.holder(house.db, house.mint.handovers, token))
    caller = await _caller(await _any_caller(request, house))
    return Doing(Doer.of(caller), still_signed_in(house, caller))


FaceDoing = Annotated[Doing, Depends(_doing)]
"""Whoever may go on with a face check: who has started it, signed in or by a handover."""


async def _stepped_up(caller: Caller, house: TheHouse) -> SessionCaller:
    await require_step_up(house, caller)
    return caller


SteppedUp = Annotated[SessionCaller, Depends(_stepped_up)]
"""Whoever has given the card password within the last five minutes."""


async def _as_sure_as_can_be(caller: Caller, house: TheHouse) -> SessionCaller:
    if caller.is_proven and caller.card_password_version is not None:
        await require_step_up(house, caller)
    return caller


AsSureAsCanBe = Annotated[SessionCaller, Depends(_as_sure_as_can_be)]
"""Whoever has given the card password within the last five minutes, if they have one."""


async def as_sure_as_can_be(request: Request, house: House) -> SessionCaller:
    """Return who calls, where not every answer needs a session that goes on.

    Raises:
        Unauthenticated, TokenRefused, SessionEnded, MoreProofNeeded, CardPasswordRequired.
    """
    return await _as_sure_as_can_be(await _caller(await _any_caller(request, house)), house)


async def stepped_up(request: Request, house: House) -> SessionCaller:
    """Return who calls, of whom a fresh card-password check is asked only in some cases.

    Raises:
        Unauthenticated, TokenRefused, SessionEnded, MoreProofNeeded, CardPasswordRequired.
    """
    return await _stepped_up(await _caller(await _any_caller(request, house)), house)


async def require_step_up(house: House, caller: SessionCaller) -> None:
    """Check that the token carries a fresh card-password check, made with the password that holds now.

    Raises:
        CardPasswordRequired: it does not.
    """
    claims = caller.claims
    rules = (await policies.at_hand(house.db)).card_passwords
    now = house.db.clock.now().timestamp()
    is_fresh = claims.auth_time is not None and now - claims.auth_time <= rules.step_up_seconds
    if claims.acr != CARD_PASSWORD_ACR or not is_fresh or claims.card_password_version != caller.card_password_version:
        raise CardPasswordRequired(next_step=NextStep("check-card-password", "/v1/card/password-checks"))


def identity(text: str) -> UUID:
    """Read an id; what cannot be one of ours is not there, and there is one way to write each.

    Raises:
        NotFound: it is no id.
    """
    try:
        read = UUID(text)
    except ValueError as error:
        raise NotFound from error
    if str(read) != text:  # braces, capitals, other scripts' digits: an id is passed on as it was given
        raise NotFound
    return read


async def _holder_of_path(holder: str) -> UUID | None:
    return None if holder == "me" else identity(holder)


Holder = Annotated[UUID | None, Depends(_holder_of_path)]
"""Whose business it is, as the path says: one's own (`me`, which is None), or a member's, by the link's id."""


def phone(house: House, raw: str) -> str:
    """Read a phone as people type it.

    Raises:
        Invalid: it is no mainland mobile phone.
    """
    try:
        return parse_phone(raw, population=house.population)
    except PhoneNotValid as error:
        raise Invalid(errors=[FieldError("/phone", error.reason.value)]) from error


def written(body: bytes, language: str) -> Response:
    """Send JSON that was written already, with words in this language."""
    return Response(body, headers={"Content-Language": language}, media_type="application/json")
