"""A member has so many owners: who comes later waits with a passed face, and goes on when another link ends."""

from typing import Any

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.models.links import LinkEnd
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services import audit, files, links, outcomes
from app.services.enrolments.expiring import expire_due
from tests.factories.adding import Kin, Owner, app_of, later, ok, refused, steps, stored_files, tag
from tests.factories.deciding import people_decide
from tests.factories.images import document_photo
from tests.factories.make import Make, Someone


@pytest.fixture
async def member(kin: Kin, owner: Owner, make: Make, house: House, phone: Any) -> TestPerson:
    """A woman of 68 whom two others have added, the most there may be."""
    person = await kin(age=68, sex="2", name="陈淑华")
    for name in ("刘雅文", "刘思远"):
        other = await app_of(await make.owner(name=name), house)
        assert (await other.add(person, "52", age=68))["state"] == "active"
    return person


async def end_first_link(db: Database, house: House, member: TestPerson) -> Someone:
    """Let one of the member's owners end their link; return the member."""
    slot = (await db.fetch("SELECT member_id, link_id FROM member_slot ORDER BY slot_no LIMIT 1"))[0]
    await db.run(lambda session: links.end(session, slot["link_id"], LinkEnd.BY_MEMBER, audit.SYSTEM))
    registered = await house.ports.register.find(member.number)
    assert registered is not None
    return Someone(slot["member_id"], registered)


class TestWaiting:
    async def test_the_third_owner_waits_for_a_slot(self, owner: Owner, member: TestPerson) -> None:
        enrolment = await owner.to_face(member, "52", age=68)

        check = await owner.face_check(enrolment)
        read = await owner.read(enrolment)
        again = await owner.call("POST", f"{enrolment}/face-checks", {})
        review = await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"})

        assert check["state"] == "passed"
        assert (read["state"], read["waiting_for"], read["link_id"]) == ("face_pending", "owners-at-limit", None)
        assert steps(read) == ["wait-for-slot"]
        for answer in (again, review):
            assert refused(answer, 409, "step-not-allowed")["next"]["action"] == "wait-for-slot"
        assert ok(await owner.call("GET", "/v1/family"))["quota"]["elder"]["used"] == 1

    async def test_it_goes_on_without_a_new_face_when_another_link_ends(
        self, owner: Owner, member: TestPerson, db: Database, house: House
    ) -> None:
        enrolment = await owner.to_face(member, "52", age=68)
        await owner.face_check(enrolment)
        too_early = await outcomes.slot_freed(db, house.ports, (await self._member_id(db)))

        person = await end_first_link(db, house, member)
        went_on = await outcomes.slot_freed(db, house.ports, person.id)
        again = await outcomes.slot_freed(db, house.ports, person.id)
        read = await owner.read(enrolment)

        assert (too_early, went_on, again) == (0, 1, 0)
        assert (read["state"], read["waiting_for"]) == ("active", None)
        assert ok(await owner.call("GET", f"/v1/holders/{read['link_id']}/card"))["status"] == "issued"

    async def test_the_longest_waiting_comes_first(
        self, owner: Owner, member: TestPerson, db: Database, house: House, make: Make
    ) -> None:
        second = await app_of(await make.owner(name="陈家俊"), house)
        waiting = []
        for each in (owner, second):
            waiting.append((each, await each.to_face(member, "52", age=68)))
            await each.face_check(waiting[-1][1])
            await later(house, minutes=1)

        person = await end_first_link(db, house, member)
        went_on = await outcomes.slot_freed(db, house.ports, person.id)

        assert went_on == 1
        assert [(await each.read(enrolment))["state"] for each, enrolment in waiting] == ["active", "face_pending"]

    async def test_it_ends_after_a_day(
        self, owner: Owner, member: TestPerson, db: Database, house: House, settings: Settings
    ) -> None:
        enrolment = await owner.to_face(member, "52", age=68)
        await owner.face_check(enrolment)
        await later(house, hours=23, minutes=59)
        early = await expire_due(db)

        await later(house, minutes=2)
        person = await end_first_link(db, house, member)
        too_late = await outcomes.slot_freed(db, house.ports, person.id)
        late = await expire_due(db)
        gone = await outcomes.slot_freed(db, house.ports, person.id)

        assert (early, too_late, late, gone) == (0, 0, 1, 0)
        assert (await owner.read(enrolment))["state"] == "expired"
        assert await db.fetch("SELECT 1 FROM slot_wait") == []

    async def test_who_goes_back_leaves_the_queue(self, owner: Owner, member: TestPerson, db: Database) -> None:
        enrolment = await owner.to_face(member, "52", age=68)
        await owner.face_check(enrolment)
        seen = tag(await owner.read(enrolment))
        card = document_photo(9, "card")

        changed = ok(await owner.call("PUT", f"{enrolment}/documents/id_card_front", card, If_Match=seen))

        assert (changed["state"], changed["waiting_for"]) == ("face_pending", None)
        assert steps(changed) == ["face-check", "hand-over", "review"]
        assert await db.fetch("SELECT 1 FROM slot_wait") == []

    async def test_who_cancels_leaves_the_queue(self, owner: Owner, member: TestPerson, db: Database) -> None:
        enrolment = await owner.to_face(member, "52", age=68)
        await owner.face_check(enrolment)

        await owner.call("DELETE", enrolment)

        assert await db.fetch("SELECT 1 FROM slot_wait") == []

    async def test_peoples_yes_waits_too(
        self, owner: Owner, member: TestPerson, db: Database, house: House, settings: Settings
    ) -> None:
        enrolment = await owner.to_face(member, "52", age=68)
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "prefer_people"}))
        await later(house, days=4)

        await people_decide(house)
        waiting = await owner.read(enrolment)
        person = await end_first_link(db, house, member)
        went_on = await outcomes.slot_freed(db, house.ports, person.id)
        await files.sweep(db, house.ports.store)

        assert (waiting["state"], waiting["waiting_for"]) == ("face_pending", "owners-at-limit")
        assert (went_on, (await owner.read(enrolment))["state"]) == (1, "active")
        assert len(stored_files(settings)) == 3, "papers stay for thirty days after the decision"

    async def _member_id(self, db: Database) -> Any:
        return (await db.fetch("SELECT DISTINCT member_id FROM member_slot"))[0]["member_id"]


async def test_one_owner_takes_one_slot_only(owner: Owner, kin: Kin, db: Database) -> None:
    father = await kin(age=68)
    first = await owner.add(father, "51", age=68)
    await owner.call("DELETE", f"/v1/family/members/{first['link_id']}")

    second = await owner.add(father, "51", age=68)

    assert second["state"] == "active"
    assert len(await db.fetch("SELECT 1 FROM member_slot")) == 1
