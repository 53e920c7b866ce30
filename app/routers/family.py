"""The family page, members and owners."""

from fastapi import APIRouter, Request, Response

from app.core.db import Session
from app.core.errors import NotFound, Unauthenticated
from app.models.links import LinkDispute
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, House, Language, TheHouse
from app.routers.once import OncePerKey, Remember
from app.routers.shortcuts import Read
from app.schemas import family as shapes
from app.services import answers
from app.services.accounts.sessions import MoreProofNeeded, SessionEnded
from app.services.authority import ServicesNotAllowed
from app.services.cards.reading import OwnCardNeeded
from app.services.family import disputing, keeping, reading

router = APIRouter(prefix="/v1/family", tags=["family"], route_class=StrictRoute)


async def page(request: Request, house: House) -> Response:
    """Answer for the family page."""
    family = await reading.page(house.db, deps.claims_of(request, house), house.traffic.count_in_channel)
    language = deps.language_of(request)
    return deps.written(shapes.page(family, language), language)


@router.get(
    "",
    response_model=shapes.FamilyRead,
    responses=documented(Unauthenticated, SessionEnded, MoreProofNeeded, OwnCardNeeded),
)
async def read_family(request: Request, house: TheHouse) -> Response:
    """My family: whom I act for and what is shared, whom I am adding, who acts for me, how many places are left."""
    return await page(request, house)


@router.get("/members/{link_id}", response_model=shapes.FamilyMemberRead, responses=documented(NotFound, OwnCardNeeded))
async def read_member(link_id: str, caller: Caller, house: TheHouse, language: Language) -> Response:
    """One relative I act for."""
    member = await reading.member(house.db, caller.claims, deps.identity(link_id))
    return deps.written(shapes.member(member, language), language)


@router.delete("/members/{link_id}", status_code=204, responses=documented(NotFound))
async def end_as_owner(link_id: str, caller: Caller, house: TheHouse) -> None:
    """End the link to a relative, at once."""
    wanted = deps.identity(link_id)
    await house.db.run(lambda session: keeping.end_as_owner(session, caller, wanted))


@router.put(
    "/members/{link_id}/services",
    response_model=shapes.FamilyMemberRead,
    responses=documented(NotFound, ServicesNotAllowed),
)
async def narrow_as_owner(
    link_id: str, body: shapes.ServicesAsk, caller: Caller, house: TheHouse, language: Language
) -> Response:
    """Give up some of what I may do for a relative."""
    wanted, chosen = deps.identity(link_id), body.chosen()
    await house.db.run(lambda session: keeping.narrow_as_owner(session, caller, wanted, chosen))
    member = await reading.member(house.db, caller.claims, wanted)
    return deps.written(shapes.member(member, language), language)


@router.get(
    "/owners/{link_id}", response_model=shapes.FamilyOwnerServicesRead, responses=documented(NotFound, OwnCardNeeded)
)
async def read_owner(link_id: str, caller: Caller, house: TheHouse, language: Language) -> Response:
    """Somebody who acts for me, and what they may do."""
    found = await reading.owner(house.db, caller.claims, deps.identity(link_id))
    return deps.written(shapes.owner(found, language), language)


@router.delete("/owners/{link_id}", status_code=204, responses=documented(NotFound))
async def end_as_member(link_id: str, caller: Caller, house: TheHouse) -> None:
    """End the link of somebody who acts for me, at once."""
    wanted = deps.identity(link_id)
    await house.db.run(lambda session: keeping.end_as_member(session, caller, wanted))


@router.put(
    "/owners/{link_id}/services",
    response_model=shapes.FamilyOwnerServicesRead,
    responses=documented(NotFound, ServicesNotAllowed, deps.CardPasswordRequired),
)
async def choose_as_member(
    link_id: str, body: shapes.ServicesAsk, caller: Caller, house: TheHouse, language: Language
) -> Response:
    """Say what somebody who acts for me may do; to give back what I agreed to once takes a step-up.

    From my 18th birthday on this is my answer for a link that began before: it stays, with these services.
    """
    wanted, chosen = deps.identity(link_id), body.chosen()
    choose = keeping.narrow_as_member
    if await house.db.run(lambda session: keeping.is_wider(session, caller, wanted, chosen)):
        await deps.require_step_up(house, caller)
        choose = keeping.choose_as_member
    await house.db.run(lambda session: choose(session, caller, wanted, chosen))
    found = await reading.owner(house.db, caller.claims, wanted)
    return deps.written(shapes.owner(found, language), language)


@router.post(
    "/owners/{link_id}/disputes",
    status_code=201,
    response_model=shapes.LinkDisputeRead,
    responses=documented(NotFound),
)
async def dispute_link(
    link_id: str, body: shapes.LinkDisputeAsk, caller: Caller, house: TheHouse, once: OncePerKey
) -> Response:
    """Object to somebody acting for me: frozen at once, until people decide; disputed before is as good."""
    wanted = deps.identity(link_id)

    async def work(_: answers.Unit, remember: Remember[LinkDispute]) -> None:
        async def unit(session: Session) -> None:
            await remember(session, await disputing.dispute(session, caller, wanted, body.reason))

        await house.db.run(unit)

    return once.respond(await once(work, shapes.LinkDisputeRead.of))


READS = {"/v1/family": Read("/v1/family", page)}
