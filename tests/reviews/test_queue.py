"""The queue: what waits in the regions of an office, the most urgent first, and nothing of anybody in it."""

import json

import pytest

from app.routers.deps import House
from tests.factories.adding import Kin, Owner, later, ok, refused
from tests.factories.staff import Hire, Worker
from tests.reviews.conftest import Ask, claimed

QUEUE = "/v1/reviews"


async def ids(worker: Worker, query: str = "") -> list[str]:
    return [f"{QUEUE}/{item['id']}" for item in ok(await worker.call("GET", QUEUE + query))["items"]]


async def test_it_says_what_and_why_and_names_nobody(ask: Ask, li: Worker) -> None:
    asked = await ask.newborn()

    answer = await li.call("GET", QUEUE)

    (item,) = ok(answer)["items"]
    assert f"{QUEUE}/{item['id']}" == asked.review
    assert {name: item[name] for name in ("purpose", "reason", "risks", "region", "reviewers_needed", "approvals")} == {
        "purpose": "enrolment",
        "reason": "no_reference_portrait",
        "risks": [],
        "region": "100101",
        "reviewers_needed": 2,
        "approvals": 0,
    }
    assert (item["is_overdue"], item["has_approved"], item["hold"], item["claimed_until"]) == (False, False, None, None)
    assert answer.headers["cache-control"] == "no-store"
    for secret in (asked.member.name, asked.member.number, ask.owner.person.name, asked.enrolment[-36:]):
        assert secret not in json.dumps(item, ensure_ascii=False)


async def test_the_most_urgent_come_first_page_by_page(ask: Ask, house: House, hire: Hire) -> None:
    asked = []
    for _ in range(3):
        asked.append((await ask.father()).review)
        await later(house, minutes=1)
    li = await hire("li")

    pages, cursor = [], ""
    while cursor is not None:
        page = ok(await li.call("GET", f"{QUEUE}?limit=2{cursor and f'&cursor={cursor}'}"))
        pages.append([f"{QUEUE}/{item['id']}" for item in page["items"]])
        cursor = page["next_cursor"]

    assert pages == [asked[:2], asked[2:]]


async def test_what_was_decided_or_withdrawn_waits_no_more(ask: Ask, li: Worker) -> None:
    asked = await ask.father()
    await ask.owner.call("DELETE", asked.enrolment)

    assert await ids(li) == []


async def test_overdue_are_those_past_their_deadline(ask: Ask, house: House, hire: Hire) -> None:
    late = await ask.father()
    await later(house, days=4, hours=23)
    await ask.father()
    await later(house, hours=1)
    li = await hire("li")

    (item,) = ok(await li.call("GET", f"{QUEUE}?state=overdue"))["items"]

    assert f"{QUEUE}/{item['id']}" == late.review
    assert item["is_overdue"]
    assert len(await ids(li)) == 2


async def test_mine_are_those_that_i_hold_now(ask: Ask, li: Worker, wang: Worker, house: House) -> None:
    mine, theirs = await ask.father(), await ask.father()
    await claimed(li, mine)
    await claimed(wang, theirs)
    held = ok(await li.call("GET", f"{QUEUE}?state=mine"))["items"]
    all_of_them = {item["id"]: item["hold"] for item in ok(await li.call("GET", QUEUE))["items"]}
    await later(house, minutes=12)
    assert (await li.call("GET", QUEUE)).status_code == 200
    await later(house, minutes=3)

    assert [f"{QUEUE}/{item['id']}" for item in held] == [mine.review]
    assert all_of_them == {mine.review[-36:]: "mine", theirs.review[-36:]: "somebody"}
    assert await ids(li, "?state=mine") == []


@pytest.mark.parametrize(
    ("region", "sees"),
    [("100101", True), ("100100", True), ("100000", True), ("000000", True), ("100102", False), ("110101", False)],
)
async def test_an_office_sees_its_own_regions_and_others_are_not_there(
    ask: Ask, hire: Hire, region: str, *, sees: bool
) -> None:
    asked = await ask.father()
    worker = await hire("zhao", office="their-office", region=region)

    listed = await ids(worker)
    answers = [
        await worker.call("POST", f"{asked.review}/claims"),
        await worker.call("GET", asked.review),
        await worker.call("DELETE", f"{asked.review}/claims/current"),
        await worker.call("POST", f"{asked.review}/decisions", {"decision": "approve", "reason": "papers-fit"}),
    ]

    assert listed == ([asked.review] if sees else [])
    assert ({answer.status_code for answer in answers} == {404}) is not sees


async def test_a_member_of_another_region_waits_there(ask: Ask, hire: Hire, kin: Kin, owner: Owner) -> None:
    father = await kin(age=68)
    await kin.change(father, region="310115")
    enrolment = await owner.to_face(father, "51", age=68)
    ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
    near, far = await hire("near", office="near", region="310000"), await hire("far", office="far", region="100000")

    assert (len(await ids(near)), len(await ids(far))) == (1, 0)


class TestOnlyReviewers:
    async def test_a_clerk_sees_nothing_and_decides_nothing(self, ask: Ask, clerk: Worker) -> None:
        asked = await ask.father()

        for method, path in (
            ("GET", QUEUE),
            ("GET", asked.review),
            ("POST", f"{asked.review}/claims"),
            ("DELETE", f"{asked.review}/claims/current"),
            ("POST", f"{asked.review}/decisions"),
        ):
            body = {"decision": "approve", "reason": "papers-fit"} if path.endswith("decisions") else None
            refused(await clerk.call(method, path, body), 403, "role-needed")

    async def test_the_owner_is_no_reviewer(self, ask: Ask, owner: Owner) -> None:
        asked = await ask.father()

        refused(await owner.call("GET", QUEUE), 401, "not-signed-in")
        refused(await owner.call("POST", f"{asked.review}/claims"), 401, "not-signed-in")


@pytest.mark.parametrize("query", ["state=closed", "limit=0", "limit=101", "cursor=x", "cursor=1-2"])
async def test_what_cannot_be_asked_is_refused(li: Worker, query: str) -> None:
    refused(await li.call("GET", f"{QUEUE}?{query}"), 422, "invalid-request")
