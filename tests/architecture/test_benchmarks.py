"""The benchmark is honest: the three servers answer the same people the same things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette

from app.core.db import Database
from app.routers.deps import House
from benchmarks import usual
from benchmarks.filling import FAMILY, fill
from benchmarks.floor import Floor
from tests import cluster

CARD, PAGE = "/v1/holders/me/card", "/v1/family"


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://b.test") as it:
        yield it


@pytest.fixture
async def headers(db: Database, house: House) -> dict[str, str]:
    """Somebody with a family, whom somebody has added."""
    claims = await fill(db, 2)
    return {"Authorization": f"Bearer {house.mint.access.sign(claims[1])}", "Accept-Language": "en"}


@pytest.mark.parametrize("path", [CARD, PAGE])
async def test_the_usual_way_answers_what_the_product_answers(
    client: httpx.AsyncClient, house: House, database: cluster.Database, headers: dict[str, str], path: str
) -> None:
    ours = await client.get(path, headers=headers)

    async with running(usual.make(database.app_url, house.mint.access, house.db.vault, connections=1)) as theirs:
        answer = await theirs.get(path, headers=headers)

    assert (answer.status_code, ours.status_code) == (200, 200)
    assert answer.json() == ours.json()


async def test_the_floor_opens_what_the_product_opens(
    client: httpx.AsyncClient, house: House, database: cluster.Database, headers: dict[str, str]
) -> None:
    card, page = [(await client.get(path, headers=headers)).json() for path in (CARD, PAGE)]

    async with running(Floor(database.app_url, house.mint.access, house.db.vault, connections=1).app()) as floor:
        bare_card, bare_page = [(await floor.get(path, headers=headers)).json() for path in (CARD, PAGE)]

    assert bare_card["issue_number"] == card["issue_number"]
    assert bare_card["social_security_number"][:6] == card["social_security_number"][:6]
    assert "*" not in bare_card["social_security_number"] + bare_card["name"] + bare_card["card_number"]
    assert [member["link_id"] for member in bare_page["members"]] == [member["link_id"] for member in page["members"]]
    assert len(bare_page["members"]) == len(FAMILY)
    assert [member["name"][0] + "**" for member in bare_page["members"]] == [m["name"] for m in page["members"]]
    assert len(bare_page["owners"]) == len(page["owners"]) == 1
