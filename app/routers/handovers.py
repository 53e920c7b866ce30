"""Handovers: the face step on the member's own phone, without an account."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response

from app.core.db import Session
from app.core.errors import NotFound
from app.models.enrolments import StepNotAllowed
from app.models.handovers import Handover
from app.ports.face import FaceServiceUnavailable
from app.problems import documented
from app.routers import deps, faces
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, HandoverHolder, House, Language, TheHouse
from app.routers.once import IdempotencyKeyMissing, Once, OncePerHandover, OncePerKey, Remember, repeat_key
from app.schemas import handovers as shapes
from app.schemas.enrolments import FaceCheckAsk
from app.schemas.faces import FaceCheckRead
from app.services import answers
from app.services.answers import Answer
from app.services.enrolments import handed_over, handing_over
from app.services.enrolments.handed_over import HandoverFinished, HandoverView
from app.services.enrolments.handing_over import (
    HandoverCodesUsedUp,
    HandoverCodeWrong,
    HandoverLinkOver,
    HandoverNotPossible,
)
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed
from app.services.faces.tries import FaceStartsUsed
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1", tags=["handovers"], route_class=StrictRoute)


@router.post(
    "/enrolments/{enrolment_id}/handovers",
    status_code=201,
    response_model=shapes.HandoverOfferRead,
    responses=documented(NotFound, StepNotAllowed, HandoverNotPossible, FaceTriesUsed, handing_over.HandoversUsedUp),
)
async def hand_over(enrolment_id: str, caller: Caller, house: TheHouse, once: OncePerKey) -> Response:
    """Hand the face step over to the member's own phone by a link and a spoken code; an older one ends."""
    wanted = deps.identity(enrolment_id)

    async def work(_: answers.Unit, remember: Remember[Handover]) -> None:
        async def unit(session: Session) -> None:
            await remember(session, await handing_over.offer(session, caller, wanted))

        await house.db.run(unit)

    answer = await once(work, _kept)
    if answer.status >= 400:
        return once.respond(answer)
    offered = await house.db.run(
        lambda session: handing_over.offered(session, house.mint.handovers, _handover_id(answer))
    )
    body = shapes.HandoverOfferRead.of(offered, house.settings.public_url)
    return once.respond(answer, body.model_dump_json().encode())


@router.delete("/enrolments/{enrolment_id}/handovers/current", status_code=204, responses=documented(NotFound))
async def take_handover_back(enrolment_id: str, caller: Caller, house: TheHouse) -> None:
    """Take the handover back: its link and its token are worth nothing any more."""
    wanted = deps.identity(enrolment_id)
    await house.db.run(lambda session: handing_over.take_back(session, caller, wanted))


@router.post(
    "/handovers/openings",
    status_code=201,
    response_model=shapes.HandoverTokenRead,
    responses=documented(HandoverLinkOver, HandoverCodeWrong, HandoverCodesUsedUp, IdempotencyKeyMissing),
)
async def open_handover(request: Request, body: shapes.HandoverOpeningAsk, house: TheHouse) -> Response:
    """Open a link with its spoken code on the member's phone; that spends it and gives a token for this face step."""
    lookup = house.db.lookup
    scope, bucket = lookup.digest("handover-link", body.code), lookup.bucket("handover-link", body.code)
    once = Once(request, house, await repeat_key(request, house, scope, bucket))

    async def work(_: answers.Unit, remember: Remember[Handover]) -> None:
        await handing_over.open_link(
            house.db,
            house.mint.handovers,
            link=body.code,
            spoken_code=body.spoken_code,
            device=body.device.info(),
            remember=remember,
        )

    answer = await once(work, _kept)
    if answer.status >= 400:
        return once.respond(answer)
    opened = await house.db.run(
        lambda session: handing_over.opened(session, house.mint.handovers, _handover_id(answer))
    )
    return once.respond(answer, shapes.HandoverTokenRead.of(opened).model_dump_json().encode())


@router.get("/handovers/current")
async def read_handover(holder: HandoverHolder, house: TheHouse, language: Language) -> shapes.HandoverRead:
    """Who asks me for what, what I have agreed to, how far it is."""

    async def read(session: Session) -> shapes.HandoverRead:
        return await _shaped(session, await handed_over.read(session, holder), language)

    return await house.db.run(read)


@router.put("/handovers/current/consents/face-check", responses=documented(HandoverFinished, NoticeOutdated))
async def agree_to_face_check(
    body: shapes.MemberConsentAsk, holder: HandoverHolder, house: TheHouse, language: Language
) -> shapes.HandoverRead:
    """Agree to the face check, and choose one by one what the owner may do for me: nothing is a choice too."""
    services = frozenset[str](body.services)

    async def agree(session: Session) -> shapes.HandoverRead:
        return await _shaped(session, await handed_over.agree(session, holder, body.shown(), services), language)

    return await house.db.run(agree)


@router.post(
    "/handovers/current/face-checks",
    status_code=201,
    response_model=FaceCheckRead,
    responses=documented(HandoverFinished, FaceConsentNeeded, FaceTriesUsed, FaceStartsUsed, FaceServiceUnavailable),
)
async def start_own_face_check(
    body: FaceCheckAsk, holder: HandoverHolder, house: TheHouse, once: OncePerHandover, language: Language
) -> Response:
    """Start the face check on my own phone."""
    return await faces.start(house, once, holder.doer, handed_over.found_by(holder), body.device_meta, language)


@router.post(
    "/handovers/current/refusals",
    status_code=201,
    response_model=shapes.HandoverRead,
    responses=documented(HandoverFinished),
)
async def refuse_handover(
    holder: HandoverHolder, house: TheHouse, once: OncePerHandover, language: Language
) -> Response:
    """Say no: the application ends, and whoever asked is told kindly."""

    return await _end(house, once, lambda session: handed_over.refuse(session, holder), language)


@router.post(
    "/handovers/current/disputes",
    status_code=201,
    response_model=shapes.HandoverRead,
    responses=documented(HandoverFinished),
)
async def dispute_handover(
    body: shapes.DisputeAsk, holder: HandoverHolder, house: TheHouse, once: OncePerHandover, language: Language
) -> Response:
    """Say that this should not be: the application ends, and the owner cannot name me again for some time."""
    return await _end(house, once, lambda session: handed_over.dispute(session, holder, body.reason), language)


async def _end(house: House, once: Once, end: Callable[[Session], Awaitable[HandoverView]], language: str) -> Response:
    async def work(_: answers.Unit, remember: Remember[shapes.HandoverRead]) -> None:
        async def unit(session: Session) -> None:
            await remember(session, await _shaped(session, await end(session), language))

        await house.db.run(unit)

    return once.respond(await once(work, lambda shaped: shaped))


async def _shaped(session: Session, view: HandoverView, language: str) -> shapes.HandoverRead:
    check = None if view.check is None else await faces.shaped(session, view.check, language)
    return shapes.HandoverRead.of(view, check, language)


def _kept(handover: Handover) -> shapes.HandoverKept:
    return shapes.HandoverKept(handover_id=str(handover.id))


def _handover_id(answer: Answer) -> UUID:
    return UUID(orjson.loads(answer.body)["handover_id"])
