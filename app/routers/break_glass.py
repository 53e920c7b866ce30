"""Looks without a card in an emergency, and their later review."""

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import FieldError, Invalid, NotFound
from app.models.counter import EmergencyLook
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import House, TheHouse
from app.routers.desk import AtCounter, Staff
from app.routers.once import OncePerStaffKey, Remember
from app.schemas import counter as shapes
from app.schemas.base import Page
from app.services import answers, lookups
from app.services.counter import emergencies, reviewing, serving
from app.services.counter.emergencies import Emergency, LookedAt
from app.services.operators.duties import NotAtThisOffice
from app.services.operators.sessions import RoleNeeded
from app.services.people.identifiers import NumberNotValid, parse_number

router = APIRouter(prefix="/v1/counter/break-glass", tags=["counter"], route_class=StrictRoute)


@router.post(
    "",
    status_code=201,
    response_model=shapes.BreakGlassRead,
    responses=documented(
        *serving.REFUSALS,
        emergencies.EmergencyLooksUnreviewed,
        lookups.PersonNotVerified,
        lookups.LookupsUsedUp,
        lookups.LookupInProgress,
        RegisterUnavailable,
    ),
)
async def break_glass(body: shapes.BreakGlassAsk, at: AtCounter, house: TheHouse, once: OncePerStaffKey) -> Response:
    """Look at how somebody stands without their card, in an emergency: told to them at once, reviewed later."""
    emergency = _emergency(house, body)

    async def work(_: answers.Unit, remember: Remember[shapes.BreakGlassRead]) -> None:
        async def keep(session: Session, looked: LookedAt) -> None:
            await remember(session, shapes.BreakGlassRead.of(looked))

        await emergencies.look(house.db, house.ports.register, house.population, at, emergency, keep)

    return once.respond(await once(work, lambda shaped: shaped))


@router.get("", responses=documented(RoleNeeded, NotAtThisOffice))
async def list_unreviewed_looks(
    caller: Staff, house: TheHouse, limit: Limit = 50, cursor: Cursor = None
) -> Page[shapes.UnreviewedLookRead]:
    """List the looks without a card that wait for a review in the regions of my office, the most urgent first."""
    after = cursors.read(cursor)
    found = await house.db.run(lambda session: reviewing.waiting(session, caller.staff, after=after, most=limit + 1))
    now = house.db.clock.now()
    return Page(
        items=[shapes.UnreviewedLookRead.of(look, now) for look in found[:limit]],
        next_cursor=cursors.write(found[limit - 1].due_at, found[limit - 1].id) if len(found) > limit else None,
    )


@router.post(
    "/{look_id}/reviews",
    status_code=201,
    response_model=shapes.LookReviewRead,
    responses=documented(
        *serving.REFUSALS,
        NotFound,
        reviewing.EmergencyLookReviewed,
        reviewing.OwnLookNotReviewed,
        RegisterUnavailable,
    ),
)
async def review_look(
    look_id: str, body: shapes.LookReviewAsk, caller: Staff, house: TheHouse, once: OncePerStaffKey
) -> Response:
    """Close a look without a card that another of the staff has made, with what I find of it."""
    wanted = deps.identity(look_id)

    async def work(_: answers.Unit, remember: Remember[shapes.LookReviewRead]) -> None:
        async def keep(session: Session, look: EmergencyLook) -> None:
            assert look.finding is not None
            assert look.reviewed_at is not None
            closed = shapes.LookReviewRead(id=str(look.id), finding=look.finding, reviewed_at=look.reviewed_at)
            await remember(session, closed)

        await reviewing.review(house.db, house.ports.register, caller, wanted, body.finding, keep)

    return once.respond(await once(work, lambda shaped: shaped))


def _emergency(house: House, body: shapes.BreakGlassAsk) -> Emergency:
    try:
        number = parse_number(body.social_security_number, population=house.population)
    except NumberNotValid as error:
        raise Invalid(errors=[FieldError("/social_security_number", error.reason.value)]) from error
    return Emergency(body.name, number, body.reason)
