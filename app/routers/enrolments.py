"""The add flow, for oneself and for a relative."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.core.db import Session
from app.core.errors import FieldError, Invalid, NotFound, PreconditionFailed, PreconditionRequired
from app.core.passwords import Busy
from app.models.channels import ChannelProof
from app.models.consents import ConsentPurpose
from app.models.enrolments import Enrolment, EnrolmentKind, StepNotAllowed
from app.ports.face import FaceServiceUnavailable
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import deps, faces, naming
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, Language, TheHouse
from app.routers.in_channels import EnrolCaller
from app.routers.once import OncePerKey, Remember
from app.routers.versions import IfMatch, version_seen
from app.routers.waiting import IfNoneMatch, Prefer, answer_when_changed
from app.schemas import enrolments as shapes
from app.schemas.accounts import TokensRead
from app.schemas.base import Page
from app.schemas.faces import FaceCheckRead
from app.services import answers
from app.services.accounts import sessions
from app.services.accounts.doers import Doer
from app.services.authority import ServicesNotAllowed
from app.services.cards import allowing, passwords
from app.services.cards.reading import OwnCardNeeded
from app.services.enrolments import consents, details, finishing, loading, proving, shortening, steps, viewing
from app.services.enrolments.requirements import ConsentNotNeeded
from app.services.enrolments.shortening import Wish
from app.services.enrolments.viewing import EnrolmentView
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed
from app.services.faces.tries import FaceStartsUsed
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1/enrolments", tags=["enrolments"], route_class=StrictRoute)

_STEP = (NotFound, StepNotAllowed)
_CHANGE = (*_STEP, PreconditionRequired, PreconditionFailed)
_OWN_CARD = (allowing.NoPhysicalCard, allowing.CardIsLocked, allowing.CardNotActivated, allowing.CardCancelled)


@router.post(
    "",
    status_code=201,
    response_model=shapes.EnrolmentRead,
    responses=documented(
        OwnCardNeeded,
        *allowing.REFUSALS,
        steps.EnrolmentsUsedUp,
        steps.ChannelEnrolmentsUsedUp,
        *naming.DETAILS,
        RegisterUnavailable,
        NoticeOutdated,
        deps.CardPasswordRequired,
    ),
)
async def open_enrolment(
    body: shapes.EnrolmentAsk, caller: EnrolCaller, house: TheHouse, once: OncePerKey, language: Language
) -> Response:
    """Begin to get one's own card, or to add a relative (needs a fresh card-password check), and do the first steps.

    What the caller's channel has proved already counts as met.
    """
    wish = _wish(house, body, language)
    has_password = caller.is_proven and caller.card_password_version is not None
    if body.kind is EnrolmentKind.FAMILY_MEMBER and has_password:
        proofs = await house.db.run(lambda session: proving.of(session, caller))
        if ChannelProof.OWNER not in proofs:
            await deps.require_step_up(house, caller)

    async def work(unit: answers.Unit, remember: Remember[EnrolmentView]) -> None:
        await shortening.begin(house.db, house.ports.register, caller, wish, unit.id, remember)

    return once.respond(await once(work, lambda view: shapes.EnrolmentRead.of(view, language)))


@router.get("")
async def list_enrolments(
    caller: Caller,
    house: TheHouse,
    language: Language,
    state: Annotated[str, Query(pattern="^open$", description="Only open ones are listed")] = "open",
) -> Page[shapes.EnrolmentRead]:
    """List my open enrolments, to go on with one."""
    views = await house.db.run(lambda session: viewing.list_open(session, caller))
    return Page(items=[shapes.EnrolmentRead.of(view, language) for view in views])


@router.get("/{enrolment_id}", response_model=shapes.EnrolmentRead, responses=documented(NotFound))
async def read_enrolment(
    enrolment_id: str,
    caller: Caller,
    house: TheHouse,
    language: Language,
    prefer: Prefer = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read an enrolment; with `Prefer: wait=20` and `If-None-Match` the answer comes when it changes, or 304."""
    wanted = deps.identity(enrolment_id)

    async def read() -> tuple[int, shapes.EnrolmentRead]:
        view = await house.db.run(lambda session: viewing.read(session, caller, wanted))
        return view.version, shapes.EnrolmentRead.of(view, language)

    return await answer_when_changed(
        house,
        deps.still_signed_in(house, caller),
        read,
        lambda: loading.version(house.db, wanted),
        prefer,
        if_none_match,
    )


@router.delete("/{enrolment_id}", status_code=204, responses=documented(*_STEP))
async def cancel_enrolment(enrolment_id: str, caller: Caller, house: TheHouse) -> None:
    """Cancel an enrolment."""
    wanted = deps.identity(enrolment_id)
    await house.db.run(lambda session: steps.cancel(session, caller, wanted))


@router.put(
    "/{enrolment_id}/notice-acknowledgement",
    response_model=shapes.EnrolmentRead,
    responses=documented(*_CHANGE, NoticeOutdated),
)
async def acknowledge_notice(
    enrolment_id: str,
    body: shapes.NoticeShown,
    caller: Caller,
    house: TheHouse,
    language: Language,
    if_match: IfMatch = None,
) -> Response:
    """Acknowledge the notice: the exact text that was shown."""
    wanted, seen = deps.identity(enrolment_id), version_seen(if_match)
    view = await house.db.run(lambda session: steps.acknowledge_notice(session, caller, wanted, body.shown(), seen))
    return answered(view, language)


@router.put(
    "/{enrolment_id}/details",
    response_model=shapes.EnrolmentRead,
    responses=documented(
        *_CHANGE,
        *_OWN_CARD,
        *naming.DETAILS,
        RegisterUnavailable,
        details.GuardianNeeded,
        finishing.AlreadyHasCard,
    ),
)
async def give_details(
    enrolment_id: str,
    body: shapes.DetailsAsk,
    caller: Caller,
    house: TheHouse,
    language: Language,
    if_match: IfMatch = None,
) -> Response:
    """Say whom the enrolment is about; own-card details answer with new tokens."""
    given = await details.give(
        house.db,
        house.ports.register,
        caller,
        deps.identity(enrolment_id),
        naming.read_details(house, body),
        version_seen(if_match),
    )
    tokens = None
    if given.moved is not None:
        tokens = TokensRead.of(sessions.tokens(house.mint, given.moved, house.db.clock.now()))
    return answered(given.view, language, tokens)


@router.put(
    "/{enrolment_id}/consents/{purpose}",
    response_model=shapes.EnrolmentRead,
    responses=documented(*_STEP, ConsentNotNeeded, NoticeOutdated, ServicesNotAllowed),
)
async def give_consent(
    enrolment_id: str,
    purpose: ConsentPurpose,
    body: shapes.ConsentAsk,
    caller: Caller,
    house: TheHouse,
    language: Language,
) -> Response:
    """Agree to one thing, apart from the others."""
    if purpose is ConsentPurpose.NOTICE:
        raise NotFound
    wanted = deps.identity(enrolment_id)
    services = None if body.services is None else frozenset[str](body.services)
    view = await house.db.run(lambda session: consents.give(session, caller, wanted, purpose, body.shown(), services))
    return answered(view, language)


@router.post(
    "/{enrolment_id}/face-checks",
    status_code=201,
    response_model=FaceCheckRead,
    responses=documented(*_STEP, FaceConsentNeeded, FaceTriesUsed, FaceStartsUsed, FaceServiceUnavailable),
)
async def start_face_check(
    enrolment_id: str,
    body: shapes.FaceCheckAsk,
    caller: Caller,
    house: TheHouse,
    once: OncePerKey,
    language: Language,
) -> Response:
    """Start the face check on this device."""
    wanted = deps.identity(enrolment_id)

    async def find(session: Session) -> Enrolment:
        return await loading.of_caller(session, caller, wanted)

    return await faces.start(house, once, Doer.of(caller), find, body.device_meta, language)


@router.post(
    "/{enrolment_id}/review-requests",
    status_code=201,
    response_model=shapes.EnrolmentRead,
    responses=documented(*_STEP),
)
async def ask_for_review(
    enrolment_id: str, body: shapes.ReviewAsk, caller: Caller, house: TheHouse, language: Language, once: OncePerKey
) -> Response:
    """Let people decide, instead of a face check or after failed ones."""
    wanted = deps.identity(enrolment_id)

    async def work(_: answers.Unit, remember: Remember[EnrolmentView]) -> None:
        async def unit(session: Session) -> None:
            await remember(session, await steps.ask_for_review(session, caller, wanted, body.reason))

        await house.db.run(unit)

    return once.respond(await once(work, lambda view: shapes.EnrolmentRead.of(view, language)))


@router.put(
    "/{enrolment_id}/card-password",
    response_model=shapes.EnrolmentRead,
    responses=documented(*_STEP, passwords.CardPasswordTooSimple, Busy),
)
async def set_card_password(
    enrolment_id: str, body: shapes.CardPasswordAsk, caller: Caller, house: TheHouse, language: Language
) -> Response:
    """Set the card password, which ends an own-card enrolment."""
    view = await steps.set_password(house.db, house.passwords, caller, deps.identity(enrolment_id), body.password)
    return answered(view, language)


def _wish(house: deps.House, body: shapes.EnrolmentAsk, language: str) -> Wish:
    """Read what is said at once.

    Raises:
        Invalid: it is wrong, or about one's own card, whose details answer with new tokens.
    """
    if body.details is not None and body.kind is EnrolmentKind.OWN_CARD:
        raise Invalid(errors=[FieldError("/details", "extra")])
    if body.details is not None and body.details.relationship is None:
        raise Invalid(errors=[FieldError("/details/relationship", "missing")])
    shown = None if body.notice_acknowledgement is None else body.notice_acknowledgement.shown()
    try:
        details = None if body.details is None else naming.read_details(house, body.details)
    except Invalid as error:
        raise Invalid(errors=[replace(each, pointer=f"/details{each.pointer}") for each in error.errors]) from error
    return Wish(body.kind, shown, details, language)


def answered(view: EnrolmentView, language: str, tokens: TokensRead | None = None) -> Response:
    """Answer with an enrolment and its version, in a language."""
    body = shapes.EnrolmentRead.of(view, language, tokens).model_dump_json()
    headers = {"ETag": f'"{view.version}"', "Content-Language": language}
    return Response(body, headers=headers, media_type="application/json")
