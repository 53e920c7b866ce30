"""Offices: where people can go, with address and hours."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.routers.cursors import Limit
from app.routers.deps import TheHouse
from app.schemas.base import Page
from app.schemas.staff import OfficeRead
from app.services.operators import offices

router = APIRouter(prefix="/v1/offices", tags=["offices"])


@router.get("")
async def list_offices(
    house: TheHouse,
    region: Annotated[
        str | None, Query(pattern=r"^[0-9]{6}$", description="GB/T 2260; offices that serve it or lie in it")
    ] = None,
    limit: Limit = 50,
    cursor: Annotated[
        str | None, Query(max_length=64, pattern=r"^[a-z0-9-]+$", description="`next_cursor` of the page before")
    ] = None,
) -> Page[OfficeRead]:
    """List the offices that serve a region: address, hours, telephone; 12333 answers everywhere."""
    found = await house.db.run(lambda session: offices.find(session, region=region, after=cursor, most=limit + 1))
    return Page(
        items=[OfficeRead.of(office) for office in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )
