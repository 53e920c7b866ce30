"""What people have in the five insurances: one's own and a member's, under the same paths."""

import re
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from app.core.errors import FieldError, Invalid, NotFound
from app.ports.insurance import Insurance, InsuranceUnavailable, Month, Scheme
from app.problems import documented
from app.routers import deps
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Holder, Language, TheHouse
from app.routers.in_channels import RightsCaller
from app.schemas import rights as shapes
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.rights import reading
from app.services.rights.reading import Place, Wanted

router = APIRouter(prefix="/v1/holders/{holder}/rights", tags=["rights"])

_LOOK: Final = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded, *allowing.REFUSALS, InsuranceUnavailable)
_CURSOR: Final = re.compile(r"([0-9]{4})([0-9]{2})-([0-9]{3})-([0-9]{1,4})", re.ASCII)
_Year = Annotated[int | None, Query(ge=1950, le=2200, description="Only of this year")]


@router.get("", response_model=shapes.RightsRead, responses=documented(*_LOOK))
async def read_rights(caller: RightsCaller, holder: Holder, house: TheHouse, language: Language) -> Response:
    """How a holder stands in all five; where an authority is silent, what is known from before, and why."""
    rights = await reading.summary(house.db, house.ports.insurance, caller, holder)
    return _told(shapes.RightsRead.of(rights, _path(holder), language), language)


@router.get("/{insurance}", response_model=shapes.InsuranceRightsRead, responses=documented(*_LOOK))
async def read_insurance(
    caller: RightsCaller, holder: Holder, insurance: Insurance, house: TheHouse, language: Language
) -> Response:
    """How a holder stands in one insurance."""
    rights = await reading.one(house.db, house.ports.insurance, caller, holder, insurance)
    return _told(shapes.InsuranceRightsRead.of_one(rights, f"{_path(holder)}/{insurance}", language), language)


@router.get("/{insurance}/contributions", response_model=shapes.ContributionsRead, responses=documented(*_LOOK))
async def list_contributions(
    caller: RightsCaller,
    holder: Holder,
    insurance: Insurance,
    house: TheHouse,
    language: Language,
    request: Request,
    year: _Year = None,
    limit: Limit = 24,
    cursor: Cursor = None,
) -> Response:
    """What was paid for a holder, the newest month first."""
    wanted = Wanted(year, _read_cursor(cursor), limit)
    listed = await reading.contributions(house.db, house.ports.insurance, caller, holder, insurance, wanted)
    following = _write_cursor(listed.following)
    return _told(shapes.ContributionsRead.of(listed, following, request.url.path, language), language)


@router.get("/{insurance}/benefits", response_model=shapes.BenefitsRead, responses=documented(*_LOOK))
async def list_benefits(
    caller: RightsCaller,
    holder: Holder,
    insurance: Insurance,
    house: TheHouse,
    language: Language,
    request: Request,
    year: _Year = None,
    limit: Limit = 24,
    cursor: Cursor = None,
) -> Response:
    """What a holder got, the newest month first."""
    wanted = Wanted(year, _read_cursor(cursor), limit)
    listed = await reading.benefits(house.db, house.ports.insurance, caller, holder, insurance, wanted)
    following = _write_cursor(listed.following)
    return _told(shapes.BenefitsRead.of(listed, following, request.url.path, language), language)


def _told(shaped: BaseModel, language: str) -> Response:
    return deps.written(shaped.model_dump_json().encode(), language)


def _path(holder: UUID | None) -> str:
    return f"/v1/holders/{holder or 'me'}/rights"


def _write_cursor(place: Place | None) -> str | None:
    return None if place is None else f"{str(place.month).replace('-', '')}-{place.scheme}-{place.index}"


def _read_cursor(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is not None:
            month = Month.parse(f"{match[1]}-{match[2]}")
            return Place(month, Scheme(match[3]), int(match[4]))
    except ValueError:
        pass
    raise Invalid(errors=[FieldError("query:cursor", "pattern")])
