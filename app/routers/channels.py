"""Where my e-card is used."""

from fastapi import APIRouter

from app.core.errors import NotFound
from app.problems import documented
from app.routers import deps
from app.routers.deps import Caller, SteppedUp, TheHouse
from app.schemas.base import Page
from app.schemas.channels import ChannelRead
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.channels import using

router = APIRouter(prefix="/v1/channels", tags=["channels"])


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
