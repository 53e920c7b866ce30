"""Reconfirmations: at 16 a member's own live face, on the owner's phone or on their own."""

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import NotFound
from app.ports.face import FaceServiceUnavailable
from app.problems import documented
from app.routers import deps, faces
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, House, Language, TheHouse
from app.routers.once import Once, OncePerKey, Remember
from app.schemas import reconfirmations as shapes
from app.services import answers
from app.services.accounts.sessions import Caller as SessionCaller
from app.services.authority import LinkFrozen
from app.services.faces.starting import FaceTriesUsed
from app.services.faces.tries import FaceStartsUsed
from app.services.family import reconfirming
from app.services.family.reconfirming import (
    Find,
    ReconfirmationInReview,
    ReconfirmationNotNeeded,
    ReconfirmationView,
    Wish,
)
from app.services.links import Service
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1/family", tags=["family"], route_class=StrictRoute)
_REFUSALS = documented(
    NotFound,
    LinkFrozen,
    ReconfirmationNotNeeded,
    ReconfirmationInReview,
    NoticeOutdated,
    FaceTriesUsed,
    FaceStartsUsed,
    FaceServiceUnavailable,
)


@router.post(
    "/members/{link_id}/reconfirmations",
    status_code=201,
    response_model=shapes.ReconfirmationRead,
    responses=_REFUSALS,
)
async def reconfirm_member(
    link_id: str,
    body: shapes.ReconfirmationAsk,
    caller: Caller,
    house: TheHouse,
    once: OncePerKey,
    language: Language,
) -> Response:
    """Let a relative who has turned 16 confirm the link before the camera of my phone, or by people."""
    return await _begin(house, caller, once, link_id, reconfirming.of_owner, body, language)


@router.post(
    "/owners/{link_id}/reconfirmations",
    status_code=201,
    response_model=shapes.ReconfirmationRead,
    responses=_REFUSALS,
)
async def reconfirm_own(
    link_id: str,
    body: shapes.ReconfirmationAsk,
    caller: Caller,
    house: TheHouse,
    once: OncePerKey,
    language: Language,
) -> Response:
    """Say anew what somebody who acts for me may do, before the camera of my own phone or by people; more too."""
    return await _begin(house, caller, once, link_id, reconfirming.of_member, body, language)


@router.get("/members/{link_id}/reconfirmations/{reconfirmation_id}", responses=documented(NotFound))
async def read_reconfirmation(
    link_id: str, reconfirmation_id: str, caller: Caller, house: TheHouse, language: Language
) -> shapes.ReconfirmationRead:
    """How the confirmation of a relative's link stands."""
    return await _read(house, caller, link_id, reconfirming.of_owner, reconfirmation_id, language)


@router.get("/owners/{link_id}/reconfirmations/{reconfirmation_id}", responses=documented(NotFound))
async def read_own_reconfirmation(
    link_id: str, reconfirmation_id: str, caller: Caller, house: TheHouse, language: Language
) -> shapes.ReconfirmationRead:
    """How the confirmation of a link to me stands."""
    return await _read(house, caller, link_id, reconfirming.of_member, reconfirmation_id, language)


async def _begin(
    house: House,
    caller: SessionCaller,
    once: Once,
    link_id: str,
    find: Find,
    body: shapes.ReconfirmationAsk,
    language: str,
) -> Response:
    wanted = deps.identity(link_id)

    async def work(unit: answers.Unit, remember: Remember[shapes.ReconfirmationRead]) -> None:
        async def keep(session: Session, view: ReconfirmationView) -> None:
            await remember(session, await _shaped(session, view, language))

        await reconfirming.begin(
            house.db,
            house.ports,
            caller,
            wanted,
            find,
            Wish(body.shown(), frozenset(body.services), body.way, body.device_meta),
            unit_id=unit.id,
            callback_url=faces.callback_url(house),
            remember=keep,
        )

    return once.respond(await once(work, lambda shaped: shaped))


async def _read(
    house: House, caller: SessionCaller, link_id: str, find: Find, reconfirmation_id: str, language: str
) -> shapes.ReconfirmationRead:
    link, wanted = deps.identity(link_id), deps.identity(reconfirmation_id)

    async def read(session: Session) -> shapes.ReconfirmationRead:
        return await _shaped(session, await reconfirming.read(session, caller, link, find, wanted), language)

    return await house.db.run(read)


async def _shaped(session: Session, view: ReconfirmationView, language: str) -> shapes.ReconfirmationRead:
    check = None if view.check is None else await faces.shaped(session, view.check, language)
    return shapes.ReconfirmationRead(
        id=str(view.row.id),
        link_id=str(view.row.link_id),
        state=view.row.state,
        services=[service for service in Service if service in view.row.services.split()],
        begun_at=view.row.begun_at,
        face_check=check,
    )
