"""Face checks: read, given frames, completed by the client, called back by providers."""

import contextlib
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import PlainTextResponse

from app.core.db import Session
from app.core.errors import NotFound, Unavailable
from app.models.faces import FaceCheck
from app.ports.face import COUNTED, FaceCallback, FaceServiceUnavailable
from app.ports.images import (
    ImagesBusy,
    ImageTooManyPixels,
    ImageTooSmall,
    ImageTypeUnsupported,
    ImageUnreadable,
    ImageUse,
)
from app.ports.register import RegisterUnavailable
from app.ports.storage import StorageUnavailable
from app.problems import documented
from app.routers import deps
from app.routers.bodies import file_body
from app.routers.deps import FaceDoing, House, Language, TheHouse
from app.routers.once import Once, Remember
from app.routers.waiting import IfNoneMatch, Prefer, answer_when_changed
from app.schemas.faces import FaceCheckRead, FramesRead
from app.services import answers, outcomes
from app.services.accounts.doers import Doer
from app.services.enrolments import checking
from app.services.enrolments.checking import Find
from app.services.faces import checks, frames, tries
from app.texts import face_reason, page

router = APIRouter(prefix="/v1", tags=["face checks"])

Nonce = Annotated[str, Header(alias="Face-Nonce", description="The check's `nonce`, from its `client`")]


@router.get("/face-checks/{check_id}", response_model=FaceCheckRead, responses=documented(NotFound))
async def read_check(
    check_id: str,
    doing: FaceDoing,
    house: TheHouse,
    language: Language,
    prefer: Prefer = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read a face check; with `Prefer: wait=20` and `If-None-Match` the answer comes when it changes, or 304."""
    wanted = deps.identity(check_id)

    async def read(session: Session) -> tuple[int, FaceCheckRead]:
        check = await checks.of_doer(session, doing.doer, wanted)
        return check.version, await shaped(session, check, language)

    return await answer_when_changed(
        house,
        doing.still_may,
        lambda: house.db.run(read),
        lambda: checks.version(house.db, wanted),
        prefer,
        if_none_match,
    )


@router.put(
    "/face-checks/{check_id}/frames/{number}",
    openapi_extra=file_body(ImageUse.FRAME.types),
    responses=documented(
        NotFound,
        frames.FaceCheckOver,
        frames.FramesNotTaken,
        frames.FramesUsedUp,
        frames.FrameNonceWrong,
        ImageTypeUnsupported,
        ImageUnreadable,
        ImageTooManyPixels,
        ImageTooSmall,
        ImagesBusy,
        FaceServiceUnavailable,
        StorageUnavailable,
    ),
)
async def put_frame(
    check_id: str, number: int, request: Request, doing: FaceDoing, house: TheHouse, nonce: Nonce = ""
) -> FramesRead:
    """Send one frame, numbered from 1, for a provider that judges on this server: the body is the picture."""
    wanted = deps.identity(check_id)
    with house.traffic.one_upload(doing.doer.handover_id or doing.doer.account_id):
        sent = frames.Sent(wanted, number, nonce, await request.body())
        here = await frames.receive(house.db, house.ports, doing.doer, sent)
    return FramesRead(received=here.received, wanted=here.wanted)


@router.post(
    "/face-checks/{check_id}/completion",
    responses=documented(NotFound, FaceServiceUnavailable, RegisterUnavailable, StorageUnavailable),
)
async def complete_check(check_id: str, doing: FaceDoing, house: TheHouse, language: Language) -> FaceCheckRead:
    """Say that the person is done; the server asks the provider, one question at a time: an open check is read on."""
    wanted = deps.identity(check_id)
    check = await outcomes.complete(house.db, house.ports, doing.doer, wanted)
    return await house.db.run(lambda session: shaped(session, check, language))


@router.api_route("/callbacks/face/{provider}", methods=["GET", "POST"], include_in_schema=False)
async def call_back(provider: str, request: Request, house: TheHouse, language: Language) -> Response:
    """Hear a provider: a hint to ask it how a check stands; whatever comes late, twice or out of order is harmless.

    A GET may be the person's browser, sent back here by the provider's page; a POST is a server, and some of them
    repeat themselves until they read `success`.
    """
    if provider not in house.ports.faces:
        raise NotFound
    callback = FaceCallback(dict(request.query_params), dict(request.headers), await request.body())
    with contextlib.suppress(Unavailable):  # the poller asks again
        await outcomes.called_back(house.db, house.ports, provider, callback)
    if request.method == "POST":
        return PlainTextResponse("success")
    return PlainTextResponse(page("face_check_returned", language), headers={"Content-Language": language})


async def start(
    house: House, once: Once, doer: Doer, find: Find, device_meta: Mapping[str, str], language: str
) -> Response:
    """Start the face check of an enrolment and answer with it; the answer is kept under the request's key."""

    async def work(unit: answers.Unit, remember: Remember[FaceCheckRead]) -> None:
        async def keep(session: Session, check: FaceCheck) -> None:
            await remember(session, await shaped(session, check, language))

        await checking.start(
            house.db,
            house.ports,
            doer,
            find,
            unit_id=unit.id,
            device_meta=device_meta,
            callback_url=callback_url(house),
            remember=keep,
        )

    return once.respond(await once(work, lambda read: read))


def callback_url(house: House) -> str:
    """Return the address under which each provider has its own to call."""
    return f"{house.settings.public_url.rstrip('/')}/v1/callbacks/face"


async def shaped(session: Session, check: FaceCheck, language: str) -> FaceCheckRead:
    """Return a check as its owner reads it."""
    left = await tries.left(session, check.home_id, check.member_id)
    return FaceCheckRead.of(
        check, await checks.client_part(session, check), left, _reason_in_words(check, left, language)
    )


def _reason_in_words(check: FaceCheck, tries_left: int, language: str) -> str | None:
    """Say why a check ended; who has no try left is not told to try again."""
    if check.reason is None:
        return None
    is_last = check.reason in COUNTED and tries_left == 0
    return page("face_tries_over", language) if is_last else face_reason(check.reason.value, language)
