"""Cards, one's own and a member's, under the same paths."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.core.errors import NotFound, Unauthenticated
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, Holder, House, Language, SteppedUp, TheHouse
from app.routers.shortcuts import Read
from app.schemas import cards as shapes
from app.schemas.enrolments import NoticeShown
from app.services.accounts.sessions import MoreProofNeeded, SessionEnded
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing, reading
from app.services.cards.allowing import LostCardConsentNeeded, NoPhysicalCard
from app.services.cards.reading import CardView, OwnCardNeeded
from app.services.family import looking, lost_cards, suspending
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1/holders", tags=["holders"], route_class=StrictRoute)

_LOST = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded, NoPhysicalCard, lost_cards.HolderAgrees)
_SUSPENDING = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded, NoPhysicalCard, suspending.HolderDecides)


async def own_card(request: Request, house: House) -> Response:
    """Answer for one's own card."""
    card = await reading.own(house.db, deps.claims_of(request, house), house.traffic.count_in_channel)
    language = deps.language_of(request)
    return deps.written(shapes.own_card(card, language), language)


@router.get(
    "/me/card",
    response_model=shapes.CardRead,
    responses=documented(
        Unauthenticated,
        SessionEnded,
        MoreProofNeeded,
        OwnCardNeeded,
        *allowing.BY_STATUS,
        deps.CardPasswordRequired,
    ),
)
async def read_own_card(
    request: Request,
    house: TheHouse,
    language: Language,
    reveal: Annotated[bool, Query(description="Show my numbers whole; needs a step-up")] = False,  # noqa: FBT002 - a query
) -> Response:
    """My e-card."""
    if not reveal:
        return await own_card(request, house)
    caller = await deps.stepped_up(request, house)
    card = await house.db.run(lambda session: reading.reveal_own(session, caller))
    return deps.written(shapes.own_card(card, language), language)


@router.get(
    "/{holder}/card",
    response_model=shapes.CardRead | shapes.CardMissingRead,
    responses=documented(NotFound, LinkFrozen, ServiceNotShared, LostCardConsentNeeded, RegisterUnavailable),
)
async def read_member_card(holder: str, caller: Caller, house: TheHouse, language: Language) -> Response:
    """A member's e-card, or why there is none yet; `holder` is the link's id. The member's record keeps the look."""
    found = await looking.look_at_card(house.db, house.ports.register, caller, deps.identity(holder))
    if isinstance(found, CardView):
        return deps.written(shapes.member_card(found, language), language)
    return deps.written(shapes.CardMissingRead.of(found, language).model_dump_json().encode(), language)


@router.put(
    "/{holder}/card/suspension",
    responses=documented(*_SUSPENDING, deps.CardPasswordRequired),
)
async def suspend_card(caller: SteppedUp, holder: Holder, house: TheHouse) -> shapes.CardSuspensionRead:
    """Suspend my e-card, or a child's: it shows no code and files nothing until that is lifted."""
    return shapes.suspension_of(await suspending.suspend(house.db, caller, holder))


@router.delete(
    "/{holder}/card/suspension",
    status_code=204,
    responses=documented(*_SUSPENDING, deps.CardPasswordRequired),
)
async def lift_suspension(caller: SteppedUp, holder: Holder, house: TheHouse) -> None:
    """Let a suspended e-card be used again."""
    await suspending.lift(house.db, caller, holder)


@router.put(
    "/{holder}/card/lost-card-consent",
    status_code=204,
    responses=documented(*_LOST, lost_cards.LostCardConsentNotNeeded, NoticeOutdated),
)
async def agree_to_lost_card(body: NoticeShown, caller: Caller, holder: Holder, house: TheHouse) -> None:
    """Agree that the e-card is looked at and asked with while its physical card is lost; for a child, whoever files."""
    await lost_cards.agree(house.db, caller, holder, body.shown())


@router.delete("/{holder}/card/lost-card-consent", status_code=204, responses=documented(*_LOST))
async def take_lost_card_consent_back(caller: Caller, holder: Holder, house: TheHouse) -> None:
    """Take that back: a lost card is looked at and asked with no more."""
    await lost_cards.take_back(house.db, caller, holder)


READS = {"/v1/holders/me/card": Read("/v1/holders/me/card", own_card)}
