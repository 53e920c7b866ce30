"""What routes are given: the house they serve, who calls, and the way to answer a repeated request."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from app import problems, texts
from app.core import errors
from app.core.db import Database, Session, bucket_of
from app.core.errors import (
    AppError,
    FieldError,
    Invalid,
    Malformed,
    NextStep,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
)
from app.core.passwords import Passwords
from app.core.settings import Settings
from app.core.tokens import AccessClaims, TokenRefused
from app.models.accounts import Assurance
from app.ports import Ports, Sandbox
from app.routers.traffic import Traffic
from app.services import answers, policies
from app.services.accounts import sessions
from app.services.accounts.sessions import Caller as SessionCaller
from app.services.accounts.sessions import Mint, MoreProofNeeded
from app.services.answers import Answer, RepeatKey
from app.services.people.identifiers import Population
from app.services.people.phones import PhoneNotValid, parse_phone

CARD_PASSWORD_ACR = "urn:escard:acr:card-password"  # noqa: S105 - a name (RFC 9470), not a secret
Result = TypeVar("Result")
Remember = Callable[[Session, Result], Awaitable[None]]


class CardPasswordRequired(Unauthenticated):
    """This needs a card-password check not older than five minutes (RFC 9470)."""

    code = "card-password-required"
    challenge = f'Bearer error="insufficient_user_authentication", acr_values="{CARD_PASSWORD_ACR}", max_age="300"'


class IdempotencyKeyMissing(Malformed):
    """A creating POST without `Idempotency-Key`."""

    code = "idempotency-key-missing"


class IdempotencyKeyInvalid(Malformed):
    """An `Idempotency-Key` that is none: 8 to 128 letters, digits and `-_.:` are."""

    code = "idempotency-key-invalid"


@dataclass(frozen=True, slots=True)
class House:
    """Everything a server is made of; built once by `app.main`."""

    settings: Settings
    db: Database
    ports: Ports
    mint: Mint
    passwords: Passwords
    population: Population
    traffic: Traffic
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


def claims_of(request: Request, house: House) -> AccessClaims:
    """Read the access token of a request.

    Raises:
        Unauthenticated: there is none.
        TokenRefused: it is not a good one.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise Unauthenticated
    if scheme.lower() != "bearer":
        raise TokenRefused
    return house.mint.access.verify(token.strip())


async def _any_caller(request: Request, house: TheHouse) -> SessionCaller:
    return await sessions.caller(house.db, claims_of(request, house))


AnyCaller = Annotated[SessionCaller, Depends(_any_caller)]
"""Whoever is signed in, be it by an SMS code alone."""


async def _caller(caller: AnyCaller) -> SessionCaller:
    if caller.assurance is not Assurance.FULL:
        raise MoreProofNeeded
    return caller


Caller = Annotated[SessionCaller, Depends(_caller)]
"""Whoever is surely signed in."""


async def _stepped_up(caller: Caller, house: TheHouse) -> SessionCaller:
    await require_step_up(house, caller)
    return caller


SteppedUp = Annotated[SessionCaller, Depends(_stepped_up)]
"""Whoever has given the card password within the last five minutes."""


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


def phone(house: House, raw: str) -> str:
    """Read a phone as people type it.

    Raises:
        Invalid: it is no mainland mobile phone.
    """
    try:
        return parse_phone(raw, population=house.population)
    except PhoneNotValid as error:
        raise Invalid(errors=[FieldError("/phone", error.reason.value)]) from error


IfMatch = Annotated[str | None, Header(alias="If-Match", description="The version seen, as in `ETag`")]


def version_seen(if_match: str | None) -> int | None:
    """Return the version a client says it has seen (`If-Match: "4"`), if it says so.

    Raises:
        PreconditionFailed: what it says is no version of ours.
    """
    if if_match is None:
        return None
    match = re.fullmatch(r'(?:W/)?"(\d{1,9})"', if_match.strip())
    if match is None:
        raise PreconditionFailed
    return int(match.group(1))


def written(body: bytes, language: str) -> Response:
    """Send JSON that was written already, with words in this language."""
    return Response(body, headers={"Content-Language": language}, media_type="application/json")


class Once:
    """Does the work of a creating POST once for each `Idempotency-Key`, and answers a repetition the same."""

    def __init__(self, request: Request, house: House, key: RepeatKey) -> None:
        self._request = request
        self._house = house
        self._key = key

    async def __call__(
        self,
        work: Callable[[answers.Unit, Remember[Result]], Awaitable[object]],
        shape: Callable[[Result], BaseModel],
        *,
        status: int = 201,
    ) -> Answer:
        """Do `work`, which calls `remember` in the transaction of its effect, and return what to send.

        Refusals that would come again (403, 404, 409, 422) are kept too; anything else frees the key.
        """
        begun = await answers.begin(self._house.db, self._key)
        if isinstance(begun, Answer):
            self._request.state.is_replayed = True
            return begun
        answer: Answer | None = None

        async def remember(session: Session, result: Result) -> None:
            nonlocal answer
            answer = Answer(status, shape(result).model_dump_json().encode())
            await answers.keep(session, begun, answer)

        try:
            await work(begun, remember)
        except AppError as error:
            first = await answers.close(self._house.db, begun, _to_be_kept(error))
            if first is None:
                raise
            self._request.state.is_replayed = True
            return first
        except BaseException:
            await answers.close(self._house.db, begun, None)
            raise
        assert answer is not None
        return answer

    def respond(self, answer: Answer, body: bytes | None = None) -> Response:
        """Send an answer, new or kept; `body` takes the place of a kept success that is minted anew."""
        if answer.status >= 400:
            response = problems.respond(self._request, answer.status, orjson.loads(answer.body))
        else:
            response = Response(body or answer.body, answer.status, media_type="application/json")
        if getattr(self._request.state, "is_replayed", False):
            response.headers["Idempotency-Replayed"] = "true"
        return response


def _to_be_kept(error: AppError) -> Answer | None:
    """Return a refusal as it is kept; None for one that may not come again."""
    if isinstance(error, errors.Denied | errors.NotFound | errors.Conflict | errors.Invalid):
        return Answer(problems.status_of(type(error)), orjson.dumps(problems.members(error)))
    return None


async def repeat_key(request: Request, house: House, scope: bytes, bucket: int) -> RepeatKey:
    """Read the `Idempotency-Key` of a request and what is asked with it.

    Raises:
        IdempotencyKeyMissing: there is none.
        IdempotencyKeyInvalid: it has a form we do not take.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        raise IdempotencyKeyMissing
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{8,128}", key):
        raise IdempotencyKeyInvalid
    asked = b"\n".join([request.method.encode(), request.url.path.encode(), await request.body()])
    return RepeatKey(bucket, scope, key, asked)


async def _once(request: Request, house: TheHouse, caller: Caller) -> Once:
    key = await repeat_key(request, house, caller.account_id.bytes, bucket_of(caller.account_id))
    return Once(request, house, key)


OncePerKey = Annotated[Once, Depends(_once)]
"""The way to answer for a creating POST of a caller who is signed in."""
