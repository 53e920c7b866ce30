"""Where my e-card is used."""

from fastapi import APIRouter, Response

from app.core.errors import NotFound
from app.core.tokens.tickets import ChannelTicketNotValid
from app.ports.channel_identity import (
    ChannelCodeRefused,
    ChannelIdentityUnavailable,
    ChannelSignInTooOften,
    ChannelUserBlocked,
)
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, SteppedUp, TheHouse
from app.schemas import channels as shapes
from app.schemas.accounts import TokensRead
from app.schemas.base import Page
from app.schemas.channels import ChannelRead
from app.services.accounts import sessions
from app.services.accounts.ties import ChannelIdentityTied
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.channel_registry.standing import ChannelStopped
from app.services.channels import entering, using
from app.services.channels.entering import Unknown

router = APIRouter(prefix="/v1/channels", tags=["channels"], route_class=StrictRoute)

_PLATFORM = (ChannelCodeRefused, ChannelUserBlocked, ChannelSignInTooOften, ChannelIdentityUnavailable)


@router.post(
    "/{channel}/sessions",
    status_code=201,
    response_model=TokensRead,
    responses=documented(NotFound, ChannelStopped, *_PLATFORM) | {202: {"model": shapes.ChannelTicketRead}},
)
async def sign_in_by_channel(channel: str, body: shapes.ChannelSessionAsk, house: TheHouse) -> TokensRead | Response:
    """Sign in as the channel's user; 202 with a ticket where nobody knows them here yet."""
    entered = await entering.enter(
        house.db,
        house.ports.channel_identities,
        house.tickets,
        channel=channel,
        auth_code=body.auth_code,
        device=body.device.info(),
    )
    if isinstance(entered, Unknown):
        shape = shapes.ChannelTicketRead.of(entered)
        return Response(shape.model_dump_json(), 202, media_type="application/json")
    return TokensRead.of(sessions.tokens(house.mint, entered, house.db.clock.now()))


@router.put("/{channel}/identity", status_code=204, responses=documented(ChannelTicketNotValid, ChannelIdentityTied))
async def tie_identity(channel: str, body: shapes.ChannelTicketAsk, caller: Caller, house: TheHouse) -> None:
    """Let the channel's user of a ticket sign in to my account, where my sign-in with it had shown a phone alone."""
    ticket = house.tickets.read(body.channel_ticket)
    await house.db.run(lambda session: entering.tie(session, caller, channel, ticket))


@router.delete("/{channel}/identity", status_code=204)
async def untie_identity(channel: str, caller: Caller, house: TheHouse) -> None:
    """Let the channel's user not sign in to my account any more; sessions and issue number stay."""
    await house.db.run(lambda session: entering.untie(session, caller, channel))


@router.get("", responses=documented(OwnCardNeeded))
async def list_channels(caller: Caller, house: TheHouse) -> Page[ChannelRead]:
    """The channels in which my e-card is used, each under an issue number of its own."""
    places = await house.db.run(lambda session: using.every(session, caller))
    return Page(items=[ChannelRead.of(place) for place in places])


@router.delete("", status_code=204, responses=documented(OwnCardNeeded, deps.CardPasswordRequired))
async def leave_all_channels(caller: SteppedUp, house: TheHouse) -> None:
    """Use my e-card nowhere any more: all issue numbers and sessions end, this one too."""
    await house.db.run(lambda session: using.leave_all(session, caller))


@router.delete("/{channel}", status_code=204, responses=documented(OwnCardNeeded, deps.CardPasswordRequired))
async def leave_channel(channel: str, caller: SteppedUp, house: TheHouse) -> None:
    """Use my e-card no longer in one channel: its issue number and my sessions there end, the others go on."""
    await house.db.run(lambda session: using.leave(session, caller, channel))


@router.put("/{channel}", responses=documented(NotFound, OwnCardNeeded, *allowing.BY_STATUS, deps.CardPasswordRequired))
async def come_back(channel: str, caller: SteppedUp, house: TheHouse) -> ChannelRead:
    """Use my e-card in the channel I am in, under a new issue number where I had left it."""
    return ChannelRead.of(await house.db.run(lambda session: using.come_back(session, caller, channel)))
