"""Leaving and coming back: on another device, later, never; and waiting for what others do."""

import asyncio
import time
from typing import Any

import httpx

from app.core.db import Database
from app.core.settings import Settings
from app.services import cases, files
from app.services.enrolments.expiring import expire_due
from tests.factories.adding import Kin, Owner, later, ok, refused, steps, stored_files, tag
from tests.factories.deciding import people_decide
from tests.factories.phone import PASSWORD, Phone


async def signed_in_elsewhere(phone: Phone) -> Phone:
    """The same account on another phone."""
    other = Phone(phone.client, phone.house, phone.number)
    device = {"id": other.device, "name": "Tablet", "platform": "android"}
    answer = await phone.client.post(
        "/v1/sessions", json={"phone": phone.number, "password": PASSWORD, "device": device}
    )
    other.tokens = ok(answer)
    return other


class TestElsewhere:
    async def test_an_enrolment_goes_on_on_another_phone(self, kin: Kin, phone: Any) -> None:
        mine: Phone = phone("10000008001")
        me, father = await kin(age=40), await kin(age=68)
        await mine.register()
        await mine.own_card(me)
        enrolment = await mine.to_documents(father, "51")
        tablet = await signed_in_elsewhere(mine)

        (found,) = ok(await tablet.call("GET", "/v1/enrolments?state=open"))["items"]
        seen_there = await tablet.read(enrolment)
        await tablet.consent(enrolment, "identity-document")
        seen_here = await mine.read(enrolment)

        assert found == seen_there
        assert (seen_there["id"], seen_there["state"]) == (enrolment[-36:], "documents_pending")
        assert seen_here["consents"] == ["identity-document", "notice"]

    async def test_open_ones_are_listed_newest_first_and_ended_ones_not(self, owner: Owner, kin: Kin) -> None:
        first, second, third = [await owner.open("family_member") for _ in range(3)]
        await owner.call("DELETE", second)

        listed = ok(await owner.call("GET", "/v1/enrolments"))

        assert [item["id"] for item in listed["items"]] == [third[-36:], first[-36:]]
        assert listed["next_cursor"] is None
        refused(await owner.call("GET", "/v1/enrolments?state=ended"), 422, "invalid-request")


class TestCancelling:
    async def test_it_gives_back_the_place_and_the_evidence(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        enrolment = await owner.to_face(child, "20", age=9)
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))

        cancelled = await owner.call("DELETE", enrolment)
        again = await owner.call("DELETE", enrolment)
        await files.sweep(db, owner.house.ports.store)
        read = await owner.read(enrolment)

        assert (cancelled.status_code, again.status_code) == (204, 204)
        assert (read["state"], steps(read), read["link_id"]) == ("cancelled", ["start-again"], None)
        assert ok(await owner.call("GET", "/v1/family"))["quota"]["total"]["used"] == 0
        assert ok(await owner.call("GET", f"/v1/face-checks/{check['id']}"))["state"] == "cancelled"
        assert stored_files(settings) == []
        assert (await owner.add(child, "20", age=9))["state"] == "active"

    async def test_in_review_the_case_is_withdrawn(self, owner: Owner, kin: Kin, db: Database) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))

        cancelled = await owner.call("DELETE", enrolment)

        assert cancelled.status_code == 204
        assert await db.run(cases.waiting) == []


class TestExpiring:
    async def test_after_three_days_it_ends_by_itself(
        self, owner: Owner, kin: Kin, db: Database, settings: Settings
    ) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        await later(owner.house, hours=71, minutes=59)
        early = await expire_due(db)

        await later(owner.house, minutes=2)
        late = await expire_due(db)
        again = await expire_due(db)
        await files.sweep(db, owner.house.ports.store)

        assert (early, late, again) == (0, 1, 0)
        assert (await owner.read(enrolment))["state"] == "expired"
        assert ok(await owner.call("GET", "/v1/family"))["adding"] == []
        assert stored_files(settings) == []

    async def test_nobody_need_have_noticed(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        await later(owner.house, hours=73)

        listed = ok(await owner.call("GET", "/v1/enrolments"))
        late = await owner.call(
            "PUT", f"{enrolment}/consents/identity-document", await owner.shown("identity-document")
        )
        read = await owner.read(enrolment)

        assert listed["items"] == []
        assert refused(late, 409, "step-not-allowed")["next"] | {"text": ""} == {
            "action": "start-again",
            "href": "/v1/enrolments",
            "text": "",
        }
        assert read["state"] == "expired"

    async def test_no_clock_runs_in_review(self, owner: Owner, kin: Kin, db: Database) -> None:
        mother = await kin(age=68, sex="2", name="李静")
        enrolment = await owner.to_face(mother, "52", age=68)
        await later(owner.house, hours=70)
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
        await later(owner.house, days=9)

        ended = await expire_due(db)
        in_review = await owner.read(enrolment)
        await people_decide(owner.house)

        assert (ended, in_review["state"]) == (0, "in_review")
        assert in_review["review"]["due_at"] > in_review["expires_at"]
        assert (await owner.read(enrolment))["state"] == "active"


class TestWaiting:
    async def test_a_long_poll_answers_when_something_changes(self, owner: Owner) -> None:
        enrolment = await owner.open("family_member")
        known = tag(await owner.read(enrolment))
        waiting = asyncio.create_task(owner.call("GET", enrolment, Prefer="wait=20", If_None_Match=known))
        await asyncio.sleep(0.3)

        await owner.acknowledge(enrolment, "family-account")
        answer = await waiting

        assert ok(answer)["state"] == "details_pending"
        assert answer.headers["etag"] == '"2"'

    async def test_it_answers_304_when_nothing_does(self, owner: Owner) -> None:
        enrolment = await owner.open("family_member")
        known = tag(await owner.read(enrolment))
        started = time.monotonic()

        patient = await owner.call("GET", enrolment, Prefer="respond-async, wait=1", If_None_Match=known)
        waited = time.monotonic() - started
        impatient = await owner.call("GET", enrolment, If_None_Match=known)
        curious = await owner.call("GET", enrolment, Prefer="wait=20")

        assert (patient.status_code, impatient.status_code, curious.status_code) == (304, 304, 200)
        assert patient.content == b""
        assert 0.9 < waited < 15
        assert patient.headers["etag"] == known

    async def test_it_ends_at_once_when_the_server_stops(self, owner: Owner) -> None:
        enrolment = await owner.open("family_member")
        known = tag(await owner.read(enrolment))
        waiting = asyncio.create_task(owner.call("GET", enrolment, Prefer="wait=20", If_None_Match=known))
        await asyncio.sleep(0.3)
        started = time.monotonic()

        owner.house.stopping.set()
        answer: httpx.Response = await waiting

        assert answer.status_code == 304
        assert time.monotonic() - started < 10

    async def test_a_face_check_is_waited_for_alike(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        address = f"/v1/face-checks/{check['id']}"
        read = await owner.call("GET", address)
        waiting = asyncio.create_task(owner.call("GET", address, Prefer="wait=20", If_None_Match=read.headers["etag"]))
        await asyncio.sleep(0.2)

        ok(await owner.call("POST", f"{address}/completion"))

        assert ok(await waiting)["state"] == "passed"
