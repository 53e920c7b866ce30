"""How people decide: a queue, claims, a look into a case, decisions."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.core.db import Session
from app.core.errors import NotFound
from app.core.tokens.addresses import ReadingAddressOver, SignedAddress
from app.models.cases import Case
from app.ports.face import ScoreBand
from app.ports.images import ImagesBusy, ImageUnreadable
from app.ports.register import RegisterUnavailable
from app.ports.storage import StorageUnavailable
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Language, TheHouse
from app.routers.desk import Reviewer
from app.routers.once import OncePerStaffKey, Remember
from app.schemas import reviews as shapes
from app.schemas.base import Page
from app.schemas.cases import CaseRead
from app.services import answers, cases
from app.services.operators.registering import OwnNumberNeeded
from app.services.reviews import claiming, deciding, exhibits, queue, reading
from app.services.reviews.queue import ReviewFilter

router = APIRouter(prefix="/v1/reviews", tags=["reviews"], route_class=StrictRoute)

_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "A JPEG"}}
_HELD = (NotFound, cases.CaseAlreadyDecided, cases.ReviewNotClaimed, RegisterUnavailable)


@router.get("")
async def list_reviews(
    reviewer: Reviewer,
    house: TheHouse,
    state: Annotated[ReviewFilter, Query(description="All open ones, those past their deadline, or those I hold")] = (
        ReviewFilter.OPEN
    ),
    face_hint: Annotated[
        ScoreBand | None, Query(description="Those whose face a machine finds so near to the register's portrait")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[shapes.WaitingRead]:
    """List the cases of the regions that my office serves, the most urgent first."""
    after = cursors.read(cursor)
    found = await house.db.run(
        lambda session: queue.waiting(session, reviewer.staff, state, hint=face_hint, after=after, most=limit + 1)
    )
    return Page(
        items=[shapes.WaitingRead.of(waiting) for waiting in found[:limit]],
        next_cursor=cursors.write(found[limit - 1].case.due_at, found[limit - 1].case.id)
        if len(found) > limit
        else None,
    )


@router.get("/{review_id}", responses=documented(*_HELD))
async def read_review(review_id: str, reviewer: Reviewer, house: TheHouse, language: Language) -> CaseRead:
    """Look into a case that I hold; the look is written down."""
    wanted = deps.identity(review_id)
    view = await reading.read(house.db, house.ports, reviewer.staff, wanted)
    return CaseRead.of(view, language, lambda path: house.addresses.sign(reviewer.session_id, path))


@router.get(
    "/{review_id}/exhibits/{exhibit_id}",
    response_class=Response,
    responses=_JPEG
    | documented(
        NotFound,
        cases.CaseAlreadyDecided,
        cases.ReviewNotClaimed,
        ReadingAddressOver,
        ImagesBusy,
        StorageUnavailable,
        ImageUnreadable,
    ),
)
async def look_at_exhibit(
    review_id: str,
    exhibit_id: str,
    reviewer: Reviewer,
    house: TheHouse,
    until: Annotated[int, Query(ge=0, le=99_999_999_999, description="As in the address")],
    signature: Annotated[str, Query(max_length=64, description="As in the address")],
) -> Response:
    """Look at a picture of a case that I hold, by an address of the case: once a minute old it is over."""
    path = f"/v1/reviews/{review_id}/exhibits/{exhibit_id}"
    house.addresses.check(reviewer.session_id, SignedAddress(path, until, signature))
    wanted = deps.identity(review_id), deps.identity(exhibit_id)
    return Response(await exhibits.look(house.db, house.ports, reviewer.staff, *wanted), media_type="image/jpeg")


@router.post(
    "/{review_id}/claims",
    status_code=201,
    response_model=shapes.ClaimRead,
    responses=documented(
        NotFound,
        cases.CaseAlreadyDecided,
        cases.OtherReviewerNeeded,
        claiming.ReviewClaimed,
        OwnNumberNeeded,
        claiming.ReviewOfOwnFamily,
        RegisterUnavailable,
    ),
)
async def claim_review(review_id: str, reviewer: Reviewer, house: TheHouse, once: OncePerStaffKey) -> Response:
    """Hold a case for a while, or for longer; nobody is given their own family's."""
    wanted = deps.identity(review_id)

    async def work(_: answers.Unit, remember: Remember[shapes.ClaimRead]) -> None:
        async def keep(session: Session, case: Case) -> None:
            assert case.claimed_until is not None
            await remember(session, shapes.ClaimRead(id=str(case.id), claimed_until=case.claimed_until))

        await claiming.claim(house.db, house.ports.register, reviewer.staff, wanted, keep)

    return once.respond(await once(work, lambda shaped: shaped))


@router.delete("/{review_id}/claims/current", status_code=204, responses=documented(NotFound))
async def give_review_back(review_id: str, reviewer: Reviewer, house: TheHouse) -> None:
    """Give a case back to the queue; one that I do not hold is as good."""
    wanted = deps.identity(review_id)
    await house.db.run(lambda session: claiming.give_back(session, reviewer.staff, wanted))


@router.post(
    "/{review_id}/decisions",
    status_code=201,
    response_model=shapes.DecisionRead,
    responses=documented(*_HELD, cases.OtherReviewerNeeded),
)
async def decide_review(
    review_id: str, body: shapes.DecisionAsk, reviewer: Reviewer, house: TheHouse, once: OncePerStaffKey
) -> Response:
    """Approve, reject, or ask for more: one of the case's `choices`."""
    wanted = deps.identity(review_id)

    async def work(_: answers.Unit, remember: Remember[shapes.DecisionRead]) -> None:
        async def keep(session: Session, case: Case) -> None:
            read = shapes.DecisionRead(
                id=str(case.id),
                state=case.state,
                reviewers_needed=case.reviewers_needed,
                approvals=await cases.approvals(session, case),
            )
            await remember(session, read)

        await deciding.decide(house.db, house.ports, reviewer.staff, wanted, body.decided(), keep)

    return once.respond(await once(work, lambda shaped: shaped))
