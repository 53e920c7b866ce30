"""The benchmark is honest: the three servers answer the same people the same things."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette

from app.core.db import Database
from app.routers.deps import House
from app.services import audit
from benchmarks import codes, usual
from benchmarks.filling import FAMILY, fill
from benchmarks.floor import Floor
from tests import cluster

CARD, PAGE = "/v1/holders/me/card", "/v1/family"
_REQUEST = re.compile(rb"POST (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n(.*)", re.DOTALL)


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

    async with running(usual.make(database.app_url, house, connections=1)) as theirs:
        answer = await theirs.get(path, headers=headers)

    assert (answer.status_code, ours.status_code) == (200, 200)
    assert answer.json() == ours.json()


async def test_the_floor_opens_what_the_product_opens(
    client: httpx.AsyncClient, house: House, database: cluster.Database, headers: dict[str, str]
) -> None:
    card, page = [(await client.get(path, headers=headers)).json() for path in (CARD, PAGE)]

    async with running(Floor(database.app_url, house, connections=1).app()) as floor:
        bare_card, bare_page = [(await floor.get(path, headers=headers)).json() for path in (CARD, PAGE)]

    assert bare_card["issue_number"] == card["issue_number"]
    assert bare_card["social_security_number"][:6] == card["social_security_number"][:6]
    assert "*" not in bare_card["social_security_number"] + bare_card["name"] + bare_card["card_number"]
    assert [member["link_id"] for member in bare_page["members"]] == [member["link_id"] for member in page["members"]]
    assert len(bare_page["members"]) == len(FAMILY)
    assert [member["name"][0] + "**" for member in bare_page["members"]] == [m["name"] for m in page["members"]]
    assert len(bare_page["owners"]) == len(page["owners"]) == 1


async def test_codes_of_the_floor_and_of_the_usual_way_are_the_products_codes(
    client: httpx.AsyncClient, house: House, database: cluster.Database, headers: dict[str, str]
) -> None:
    ours = await client.post(codes.ISSUE, headers=headers)

    async with running(usual.make(database.app_url, house, connections=1)) as theirs:
        usually = await theirs.post(codes.ISSUE, headers=headers)
    async with running(Floor(database.app_url, house, connections=1).app()) as floor:
        barely = await floor.post(codes.ISSUE, headers=headers)

    assert ours.json().keys() == usually.json().keys() == barely.json().keys()
    shown = [house.codes.read(answer.json()["code"]).shown for answer in (ours, usually, barely)]
    assert shown == [shown[0]] * 3


async def test_what_the_floor_redeems_is_redeemed(
    client: httpx.AsyncClient, house: House, db: Database, database: cluster.Database
) -> None:
    claims = await fill(db, 1)
    scanner = await db.run(lambda session: codes.install(session, claims))
    first, second = (taken_apart(request) for request in scanner.requests(house.codes, 2))

    ours = await client.post(codes.REDEEM, headers=first[0], content=first[1])
    async with running(Floor(database.app_url, house, connections=1).app()) as floor:
        barely = await floor.post(codes.REDEEM, headers=second[0], content=second[1])

    assert (ours.status_code, barely.status_code) == (200, 200)
    assert barely.json()["name"][0] + "**" == ours.json()["holder"]["name"]
    assert len(await db.fetch("SELECT 1 FROM redemption")) == 2
    holder_id = scanner.shown[0].holder_id
    assert await db.run(lambda session: audit.verify(session, holder_id)) is None
    events = await db.fetch("SELECT facts FROM audit_event WHERE action = 'code.redeemed'")
    assert len({row["facts"] for row in events}) == 1


def taken_apart(request: bytes) -> tuple[dict[str, str], bytes]:
    found = _REQUEST.fullmatch(request)
    assert found is not None
    lines = [line.split(": ", 1) for line in found[2].decode().split("\r\n")]
    return {name: value for name, value in lines if name != "Host"}, found[3]
