"""Offices: found by the region they serve, page by page, by anybody."""

import httpx
import pytest

from app.core.db import Database
from app.models.operators import OfficeKind
from app.services.operators import offices
from app.services.operators.offices import NewOffice, OfficeKnown, within
from tests.factories.adding import refused
from tests.factories.staff import Hire


@pytest.fixture
async def some(hire: Hire) -> None:
    """Offices of a county, of its prefecture, of another county, of another province, of everywhere."""
    for office_id, region in {
        "county": "110105",
        "prefecture": "110100",
        "other-county": "110106",
        "other-province": "310101",
        "everywhere": "000000",
    }.items():
        await hire.office(office_id, region=region)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("110105", ["county", "everywhere", "prefecture"]),
        ("110100", ["county", "everywhere", "other-county", "prefecture"]),
        ("110000", ["county", "everywhere", "other-county", "prefecture"]),
        ("310115", ["everywhere"]),
        ("310101", ["everywhere", "other-province"]),
        ("000000", ["county", "everywhere", "other-county", "other-province", "prefecture"]),
        (None, ["county", "everywhere", "other-county", "other-province", "prefecture"]),
    ],
)
@pytest.mark.usefixtures("some")
async def test_those_that_serve_a_region_or_lie_in_it_are_found(
    client: httpx.AsyncClient, region: str | None, expected: list[str]
) -> None:
    answer = await client.get("/v1/offices", params={} if region is None else {"region": region})

    assert [office["id"] for office in answer.json()["items"]] == expected
    assert answer.json()["next_cursor"] is None


@pytest.mark.usefixtures("some")
async def test_they_are_read_page_by_page(client: httpx.AsyncClient) -> None:
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/offices", params=asked)).json()
        seen += [office["id"] for office in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert seen == ["county", "everywhere", "other-county", "other-province", "prefecture"]
    assert pages == 3


async def test_they_say_where_and_when(client: httpx.AsyncClient, hire: Hire) -> None:
    await hire.office("clinic", kind=OfficeKind.HOSPITAL, name="人民医院医保窗口", address="北街 2 号", hours="8–12")

    (office,) = (await client.get("/v1/offices")).json()["items"]

    assert office == {
        "id": "clinic",
        "name": "人民医院医保窗口",
        "kind": "hospital",
        "region": "000000",
        "address": "北街 2 号",
        "hours": "8–12",
        "phone": "12333",
    }


@pytest.mark.parametrize("region", ["11010", "1101055", "11010x", "１１０１０５", "%", ""])
async def test_what_is_no_region_is_refused(client: httpx.AsyncClient, region: str) -> None:
    refused(await client.get("/v1/offices", params={"region": region}), 422, "invalid-request")


@pytest.mark.parametrize("cursor", ["\0", "", "A", "x" * 65])
async def test_what_is_no_cursor_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    refused(await client.get("/v1/offices", params={"cursor": cursor}), 422, "invalid-request")


async def test_an_id_is_taken_once(db: Database, hire: Hire) -> None:
    await hire.office("county")
    again = NewOffice("county", "另一个", OfficeKind.HOSPITAL, "110105", "", "", "12333")

    with pytest.raises(OfficeKnown):
        await db.run(lambda session: offices.add(session, again))


@pytest.mark.parametrize(
    ("region", "begin"), [("110105", "110105"), ("110100", "1101"), ("110000", "11"), ("000000", ""), ("100000", "10")]
)
def test_zeros_at_the_end_stand_for_all_within(region: str, begin: str) -> None:
    assert within(region) == begin
