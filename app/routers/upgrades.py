"""Payment of one's own card: added, read and taken off."""

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import NotFound
from app.ports.face import FaceServiceUnavailable
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import deps, faces
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, Language, SteppedUp, TheHouse
from app.routers.once import OncePerKey, Remember
from app.schemas import upgrades as shapes
from app.services import answers
from app.services.cards import allowing, upgrading
from app.services.cards.reading import OwnCardNeeded
from app.services.cards.upgrades import UpgradeView
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed
from app.services.faces.tries import FaceStartsUsed
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1/holders/me/card", tags=["holders"], route_class=StrictRoute)


@router.post(
    "/level-upgrades",
    status_code=201,
    response_model=shapes.LevelUpgradeRead,
    responses=documented(
        OwnCardNeeded,
        deps.CardPasswordRequired,
        *allowing.REFUSALS,
        upgrading.PaymentAdded,
        upgrading.UpgradeInReview,
        NoticeOutdated,
        FaceConsentNeeded,
        FaceTriesUsed,
        FaceStartsUsed,
        RegisterUnavailable,
        FaceServiceUnavailable,
    ),
)
async def add_payment(
    body: shapes.LevelUpgradeAsk, caller: SteppedUp, house: TheHouse, once: OncePerKey, language: Language
) -> Response:
    """Add payment to my e-card: at once after a live face within a day, else the answer holds the face check to do."""

    async def work(unit: answers.Unit, remember: Remember[shapes.LevelUpgradeRead]) -> None:
        async def keep(session: Session, view: UpgradeView) -> None:
            await remember(session, await _shaped(session, view, language))

        await upgrading.begin(
            house.db,
            house.ports,
            caller,
            body.wish(),
            unit_id=unit.id,
            callback_url=faces.callback_url(house),
            remember=keep,
        )

    return once.respond(await once(work, lambda shaped: shaped))


@router.get("/level-upgrades/newest", responses=documented(NotFound, OwnCardNeeded))
async def read_upgrade(caller: Caller, house: TheHouse, language: Language) -> shapes.LevelUpgradeRead:
    """How the last wish to add payment to my e-card stands."""

    async def read(session: Session) -> shapes.LevelUpgradeRead:
        view = await upgrading.read(session, caller)
        if view is None:
            raise NotFound
        return await _shaped(session, view, language)

    return await house.db.run(read)


@router.delete("/payment", status_code=204, responses=documented(OwnCardNeeded))
async def take_payment_off(caller: Caller, house: TheHouse) -> None:
    """Take payment off my e-card, and back what I agreed to; a wish that is under way ends."""
    await house.db.run(lambda session: upgrading.take_off(session, caller))


async def _shaped(session: Session, view: UpgradeView, language: str) -> shapes.LevelUpgradeRead:
    check = None if view.check is None else await faces.shaped(session, view.check, language)
    return shapes.LevelUpgradeRead(id=str(view.id), state=view.state, rejection=view.rejection, face_check=check)
