"""What channels do themselves: a token, launches, events told again, secrets changed."""

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.core.errors import FieldError, Invalid, Malformed, NextStep, Unauthenticated, UnsupportedMedia
from app.ports.signer import SignerUnavailable
from app.problems import documented
from app.routers import cursors
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import House, TheHouse
from app.schemas import channel_clients as shapes
from app.schemas.base import Page
from app.services.channel_registry import hearing
from app.services.channel_registry.hearing import ChannelHearsNothing
from app.services.channel_registry.standing import ChannelStopped, ServiceNotInChannel
from app.services.channels import clients, launching, replaying, signed
from app.services.channels.clients import Client, Scope
from app.services.channels.replaying import ChannelEventNotFound, EventState

router = APIRouter(prefix="/v1/channels", tags=["channel clients"], route_class=StrictRoute)

TOKEN_PATH: Final = "/v1/channels/token"  # noqa: S105 - an address
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 10
_UNHEARD = (signed.ChannelNotKnown, signed.AssertionLate, signed.AssertionReplayed, ChannelStopped, SignerUnavailable)
_REFUSED = (clients.ChannelTokenRefused, ChannelStopped, clients.ScopeNeeded, clients.ChannelNotYours)


class FormNeeded(UnsupportedMedia):
    """The body is not sent as a form, as OAuth has it."""

    code = "form-needed"


async def _client(channel: str, request: Request, house: TheHouse) -> Client:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise Unauthenticated(next_step=NextStep("sign-in", TOKEN_PATH))
    if scheme.lower() != "bearer":
        raise clients.ChannelTokenRefused
    client = await clients.caller(house.db, house.published, token.strip(), audience=_audience(house))
    if client.channel != channel:
        raise clients.ChannelNotYours
    return client


TheClient = Annotated[Client, Depends(_client)]
"""The channel that the path names, with a token of its own."""


async def _form(request: Request) -> shapes.TokenAsk:
    """Read a form: each field once.

    Raises:
        FormNeeded: it is something else.
        Malformed, RequestValidationError: it cannot be read, or is not what is asked for.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise FormNeeded
    try:
        pairs = parse_qsl((await request.body()).decode(), strict_parsing=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Malformed(errors=[FieldError("", "not_form")]) from error
    if len(dict(pairs)) < len(pairs):
        raise Malformed(errors=[FieldError("", "twice")])
    try:
        return shapes.TokenAsk.model_validate(dict(pairs))
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults) from error


_AS_FORM = {
    "requestBody": {
        "required": True,
        "content": {_FORM: {"schema": shapes.TokenAsk.model_json_schema()}},
    }
}


@router.post("/token", openapi_extra=_AS_FORM, responses=documented(FormNeeded, Malformed, Invalid, *_UNHEARD))
async def make_channel_token(form: Annotated[shapes.TokenAsk, Depends(_form)], house: TheHouse) -> shapes.TokenRead:
    """A token for what a channel does itself: OAuth client credentials with `private_key_jwt`; no `Idempotency-Key`."""
    token = await clients.token(
        house.db,
        house.ports.verifier,
        house.published,
        form.client_assertion,
        form.scope,
        client_id=form.client_id,
        audience=_audience(house),
    )
    return shapes.TokenRead.of(token)


@router.post("/{channel}/launches", responses=documented(clients.ChannelNotYours, ServiceNotInChannel, *_UNHEARD))
async def launch(channel: str, body: shapes.LaunchAsk, house: TheHouse) -> shapes.LaunchRead:
    """What a channel that has sent its user here wants to be opened; its signature is good once."""
    verifier = house.ports.verifier
    launch = await launching.launch(house.db, verifier, channel, body.launch, audience=_audience(house))
    return shapes.LaunchRead.of(launch)


@router.get("/{channel}/events", responses=documented(*_REFUSED))
async def list_channel_events(
    client: TheClient,
    house: TheHouse,
    limit: Limit = 20,
    cursor: Cursor = None,
    state: Annotated[EventState | None, Query(description="Only those in this state")] = None,
) -> Page[shapes.ChannelEventRead]:
    """The events of the last 30 days that a channel was told or is to be told, the newest first."""
    clients.require(client, Scope.EVENTS)
    before = cursors.read(cursor)
    found = await house.db.run(
        lambda session: replaying.listed(session, client.channel, state=state, before=before, most=limit + 1)
    )
    return Page(
        items=[shapes.ChannelEventRead.of(event) for event in found[:limit]],
        next_cursor=None if len(found) <= limit else cursors.write(found[limit - 1].created_at, found[limit - 1].id),
    )


@router.put("/{channel}/events/{event_id}/delivery", responses=documented(*_REFUSED, ChannelEventNotFound))
async def deliver_channel_event(client: TheClient, event_id: str, house: TheHouse) -> shapes.ChannelEventRead:
    """Send one event again, now, under the same id."""
    clients.require(client, Scope.EVENTS)
    wanted = replaying.identity(event_id)
    return shapes.ChannelEventRead.of(
        await house.db.run(lambda session: replaying.again(session, client.channel, wanted))
    )


@router.put("/{channel}/deliveries", responses=documented(*_REFUSED))
async def deliver_channel_events(client: TheClient, body: shapes.ReplayAsk, house: TheHouse) -> shapes.ReplayRead:
    """Send again what was given up, or what was taken, since a moment, five hundred at once; under the same ids."""
    clients.require(client, Scope.EVENTS)
    after = cursors.read(body.cursor, "/cursor")
    replay = await house.db.run(
        lambda session: replaying.again_since(session, client.channel, body.since, body.state, after=after)
    )
    return shapes.ReplayRead(
        count=replay.count,
        remaining=replay.remaining,
        next_cursor=None if replay.last is None else cursors.write(*replay.last),
    )


@router.put("/{channel}/secrets/newest", responses=documented(*_REFUSED, ChannelHearsNothing))
async def change_channel_secret(client: TheClient, house: TheHouse) -> shapes.ChannelSecretRead:
    """A new secret; the oldest signs too until it is forgotten, so asking again loses nothing."""
    clients.require(client, Scope.SECRETS)
    secret = await house.db.run(lambda session: hearing.rotate(session, client.channel))
    return shapes.ChannelSecretRead(secret=secret)


@router.delete("/{channel}/secrets/others", status_code=204, responses=documented(*_REFUSED, ChannelHearsNothing))
async def forget_channel_secrets(client: TheClient, house: TheHouse) -> None:
    """Sign events with the newest secret alone."""
    clients.require(client, Scope.SECRETS)
    await house.db.run(lambda session: hearing.drop_old_secret(session, client.channel))


def _audience(house: House) -> str:
    return f"{house.settings.public_url.rstrip('/')}{TOKEN_PATH}"
