"""What people see of a certification when they decide: the way, an address to go to, and nobody of their own family."""

import pytest

from app.routers.deps import House
from app.worker import relay
from tests.factories.certifying import JSON, address, ask, by_face
from tests.factories.make import Holder, Make, Member
from tests.factories.staff import Hire, Worker
from tests.factories.staff import hire as hire

HOME = "100101 Lane 5, No. 8"


@pytest.fixture
async def li(hire: Hire) -> Worker:
    """A reviewer, signed in."""
    return await hire("li")


async def claimed(li: Worker) -> JSON:
    """Let a reviewer claim the case that waits; return what they see of it."""
    (waiting,) = (await li.call("GET", "/v1/reviews")).json()["items"]
    taken = await li.call("POST", f"/v1/reviews/{waiting['id']}/claims")
    assert taken.status_code == 201, taken.text
    seen: JSON = (await li.call("GET", f"/v1/reviews/{waiting['id']}")).json()
    return seen


async def decide(li: Worker, case: JSON, decision: str, reason: str) -> None:
    done = await li.call("POST", f"/v1/reviews/{case['id']}/decisions", {"decision": decision, "reason": reason})
    assert done.status_code == 201, done.text


async def test_who_goes_there_sees_where(house: House, me: Holder, father: Member, li: Worker) -> None:
    asked = (await ask(me, father.link_id, way="home_visit", address=HOME)).json()

    case = await claimed(li)
    await decide(li, case, "approve", "identity-shown")
    await relay.tell_due(house.db, house.ports)

    assert (case["purpose"], case["reason"]) == ("certification", "asked_for")
    assert case["certification"] == {"way": "home_visit", "address": HOME}
    assert case["member"]["name"] == "王**"
    done = await me.read(f"{address(father.link_id)}/{asked['id']}")
    assert (done["state"], done["way"]) == ("passed", "home_visit")


async def test_after_three_faces_people_see_how_they_went(house: House, me: Holder, father: Member, li: Worker) -> None:
    for _ in range(3):
        await by_face(house, me, father.link_id, scenario="face_mismatch")

    case = await claimed(li)
    await decide(li, case, "reject", "not-the-same-person")

    assert case["certification"] == {"way": "face", "address": None}
    assert [check["reason"] for check in case["face_checks"]] == ["face_mismatch"]
    read = await me.read(address(father.link_id))
    assert (read["state"], read["items"][0]["reason"]) == ("face_failed", "not-the-same-person")


async def test_without_a_portrait_people_look_at_once(house: House, me: Holder) -> None:
    looked_at = await by_face(house, me, scenario="source_photo_missing")

    reasons = await house.db.fetch("SELECT reason FROM review_case")
    assert looked_at["state"] == "in_review"
    assert [row["reason"] for row in reasons] == ["no_reference_portrait"]


async def test_nobody_decides_for_those_who_ask(make: Make, me: Holder, father: Member, hire: Hire) -> None:
    await ask(me, father.link_id, way="counter")
    own = await hire("own", who=me)
    (waiting,) = (await own.call("GET", "/v1/reviews")).json()["items"]

    refused = await own.call("POST", f"/v1/reviews/{waiting['id']}/claims")

    assert (refused.status_code, refused.json()["code"]) == (403, "review-of-own-family")
