"""Certified by face, at a counter, at home, or by what others know: for oneself and for a member alike."""

from datetime import date, timedelta

import pytest

from app.adapters.certifications.embedded import EmbeddedCertifications
from app.core.clock import today
from app.models.cases import Finding, Verdict
from app.models.certifications import Certification
from app.models.faces import FaceCheck
from app.ports.certifications import Way
from app.routers.deps import House
from app.services.cases import Decision
from app.services.links import Services
from app.worker.relay import tell_due
from tests.factories.callers import pass_time
from tests.factories.certifying import address, ask, by_face, consent, look_after, pay, show_face, to_noon
from tests.factories.deciding import people_decide, the_case
from tests.factories.make import Holder, Make, Member
from tests.factories.rows import count

YES = Decision(Verdict.APPROVE, Finding.IDENTITY_SHOWN)
NO = Decision(Verdict.REJECT, Finding.IDENTITY_NOT_SHOWN)


@pytest.fixture(params=["me", "member"])
def whose(request: pytest.FixtureRequest, father: Member) -> object:
    """Oneself, and a member."""
    return father.link_id if request.param == "member" else "me"


def in_days(house: House, days: int) -> str:
    return (today(house.db.clock.now()) + timedelta(days=days)).isoformat()


class TestStanding:
    async def test_it_says_what_needs_a_certification_and_until_when(
        self, house: House, me: Holder, whose: object
    ) -> None:
        read = await me.read(address(whose))

        assert (read["state"], read["is_current"], read["items"]) == ("due_soon", True, [])
        assert [(each["kind"], each["payment"]) for each in read["benefits"]] == [("pension", "paid")]
        assert (read["certified_on"], read["way"]) == (in_days(house, -320), "counter")
        assert in_days(house, 40) <= read["due_on"] <= in_days(house, 46)

    @pytest.mark.parametrize(
        ("days", "state"), [(100, "passed"), (320, "due_soon"), (350, "due"), (380, "due"), (450, "suspended")]
    )
    async def test_days_decide(self, house: House, make: Make, days: int, state: str) -> None:
        somebody = await make.owner()
        await pay(house, somebody, days=days)

        assert (await somebody.read(address()))["state"] == state

    async def test_most_people_have_nothing_to_certify(self, make: Make) -> None:
        somebody = await make.owner()

        read = await somebody.read(address())
        asked = await ask(somebody)

        assert (read["state"], read["benefits"], read["due_on"], read["next"]) == ("not_due", [], None, [])
        assert (asked.status_code, asked.json()["code"]) == (409, "nothing-to-certify")

    async def test_elders_read_ways_without_a_face_first(self, me: Holder, father: Member) -> None:
        mine, his = await me.read(address()), await me.read(address(father.link_id))

        assert [step.get("way") for step in mine["next"]] == ["face", "counter", "home_visit", None]
        assert [step.get("way") for step in his["next"]] == ["counter", "home_visit", "face", None]
        assert his["next"][2]["notice"] == "/v1/notices/face-check"
        assert his["next"][-1]["href"] == "/v1/offices?region=100101"


class TestFace:
    async def test_a_face_certifies_for_a_year(self, house: House, me: Holder, whose: object) -> None:
        asked = await ask(me, whose)
        before = await me.read(address(whose))
        check = await show_face(me, asked)
        done = await by_face(house, me, whose) if check["state"] != "passed" else None
        read = await me.read(f"{address(whose)}/{asked.json()['id']}")

        assert (asked.json()["state"], asked.json()["face_check"]["mode"]) == ("open", "live")
        assert (before["state"], done) == ("due_soon", None)
        assert (read["state"], read["reported_at"]) == ("reporting", None)
        assert read["next"][0]["step"] == "wait-for-authority"

    async def test_it_has_passed_once_the_authority_knows(self, house: House, me: Holder, whose: object) -> None:
        done = await by_face(house, me, whose)

        read = await me.read(address(whose))
        assert (done["state"], done["way"], done["certified_on"]) == ("passed", "face", in_days(house, 0))
        assert done["reported_at"] is not None
        assert date.fromisoformat(done["valid_until"]) > today(house.db.clock.now()) + timedelta(days=350)
        assert (read["state"], read["due_on"], read["way"]) == ("passed", done["valid_until"], "face")
        assert [each["id"] for each in read["items"]] == [done["id"]]

    async def test_a_second_one_on_the_same_day_is_refused(self, house: House, me: Holder, whose: object) -> None:
        done = await by_face(house, me, whose)

        again = await ask(me, whose)

        assert (again.status_code, again.json()["code"]) == (409, "already-certified")
        assert again.json()["next"]["href"] == f"{address(whose)}/{done['id']}"

    async def test_a_face_of_the_last_day_is_enough(self, house: House, me: Holder, father: Member) -> None:
        await to_noon(house)
        await by_face(house, me, father.link_id)
        await pass_time(house, hours=23)

        again = await ask(me, father.link_id)

        assert (again.status_code, again.json()["state"]) == (201, "reporting"), again.text
        assert (again.json()["is_face_reused"], again.json()["face_check"]) == (True, None)
        assert await count(house.db, FaceCheck) == 1

    async def test_an_older_face_is_not(self, house: House, me: Holder) -> None:
        await by_face(house, me)
        await pass_time(house, hours=25)

        again = await ask(me)

        assert (again.json()["state"], again.json()["is_face_reused"]) == ("open", False)

    async def test_no_face_is_looked_at_without_consent(self, house: House, me: Holder, whose: object) -> None:
        without = await ask(me, whose, consent=None)
        outdated = await ask(me, whose, consent=await consent(me, version="2020-01-01"))

        assert (without.status_code, without.json()["code"]) == (409, "face-consent-needed")
        assert without.json()["next"]["notice"] == "/v1/notices/face-check"
        assert outdated.json()["code"] == "notice-outdated"
        assert (await count(house.db, FaceCheck), await count(house.db, Certification)) == (0, 0)

    async def test_a_failed_face_leaves_other_ways_and_another_try(
        self, house: House, me: Holder, whose: object
    ) -> None:
        failed = await by_face(house, me, whose, scenario="face_mismatch")

        read = await me.read(address(whose))
        assert (failed["state"], failed["reason"], failed["face_check"]["tries_left"]) == (
            "face_failed",
            "face_mismatch",
            2,
        )
        assert read["state"] == "face_failed"
        assert [step.get("way") for step in read["next"]][:3] == ["counter", "home_visit", "face"]
        assert (await by_face(house, me, whose))["state"] == "passed"

    async def test_the_third_failed_face_goes_to_people(self, house: House, me: Holder, whose: object) -> None:
        failed = [await by_face(house, me, whose, scenario="face_mismatch") for _ in range(3)]

        again = await ask(me, whose)

        assert [each["state"] for each in failed] == ["face_failed", "face_failed", "in_review"]
        assert (await me.read(address(whose)))["state"] == "in_review"
        assert (again.status_code, again.json()["code"]) == (409, "certification-in-review")
        assert (await the_case(house)).reason == "face_failed"

    async def test_who_gives_up_before_the_camera_has_failed_nothing(self, house: House, me: Holder) -> None:
        given_up = await by_face(house, me, scenario="user_cancelled")

        assert given_up["state"] == "cancelled"
        assert (await me.read(address()))["state"] == "due_soon"

    async def test_a_provider_that_is_down_costs_nothing(self, house: House, me: Holder) -> None:
        down = await ask(me, scenario="provider_down")

        up = await ask(me)

        assert (down.status_code, down.json()["code"]) == (503, "face-service-unavailable")
        assert up.json()["face_check"]["tries_left"] == 3

    async def test_begun_anew_the_one_before_is_given_up(self, house: House, me: Holder) -> None:
        first, second = await ask(me), await ask(me)

        read = await me.read(f"{address()}/{first.json()['id']}")
        await show_face(me, second)
        assert (read["state"], read["face_check"]["state"]) == ("cancelled", "cancelled")


class TestPeople:
    async def test_at_a_counter_people_say_yes(self, house: House, me: Holder, whose: object) -> None:
        asked = (await ask(me, whose, way="counter")).json()
        waiting = await me.read(address(whose))
        await people_decide(house, YES)
        await tell_due(house.db, house.ports)

        done = await me.read(f"{address(whose)}/{asked['id']}")
        assert (asked["state"], waiting["state"]) == ("in_review", "in_review")
        assert waiting["next"][0]["href"] == f"{address(whose)}/{asked['id']}"
        assert (done["state"], done["way"]) == ("passed", "counter")
        assert (await me.read(address(whose)))["state"] == "passed"

    async def test_people_say_no_for_a_reason(self, house: House, me: Holder, whose: object) -> None:
        asked = (await ask(me, whose, way="counter")).json()

        await people_decide(house, NO)

        done = await me.read(f"{address(whose)}/{asked['id']}", **{"Accept-Language": "en"})
        assert (done["state"], done["reason"]) == ("rejected", "identity-not-shown")
        assert done["reason_text"].startswith("What we have does not show who it is")
        assert (await me.read(address(whose)))["state"] == "due_soon"

    async def test_a_visit_at_home_needs_an_address_and_nothing_else_takes_one(self, me: Holder) -> None:
        without = await ask(me, way="home_visit")
        with_one = await ask(me, way="counter", address="100101 Lane 5, No. 8")

        assert [(each.status_code, each.json()["errors"][0]["code"]) for each in (without, with_one)] == [
            (422, "missing"),
            (422, "extra"),
        ]

    async def test_the_address_goes_with_the_decision(self, house: House, me: Holder) -> None:
        await ask(me, way="home_visit", address="100101 Lane 5, No. 8")
        sealed = await house.db.fetch("SELECT address FROM benefit_certification")
        await people_decide(house, YES)
        await tell_due(house.db, house.ports)

        after = await house.db.fetch("SELECT address, state FROM benefit_certification")
        assert b"Lane" not in sealed[0]["address"]
        assert (after[0]["address"], after[0]["state"]) == (None, "passed")


class TestTakenBack:
    async def test_what_people_look_at_is_taken_from_them(self, house: House, me: Holder, whose: object) -> None:
        asked = (await ask(me, whose, way="home_visit", address="100101 Lane 5, No. 8")).json()
        path = f"{address(whose)}/{asked['id']}"

        answers = [await me.call("DELETE", path) for _ in range(2)]

        rows = await house.db.fetch("SELECT c.state, b.address FROM review_case c, benefit_certification b")
        assert [each.status_code for each in answers] == [204, 204]
        assert {"step": "take-back", "method": "DELETE", "href": path} in asked["next"]
        assert [tuple(row) for row in rows] == [("withdrawn", None)]
        assert (await me.read(address(whose)))["state"] == "due_soon"
        assert (await me.read(path))["state"] == "cancelled"

    async def test_a_face_check_is_over_with_it(self, me: Holder) -> None:
        asked = await ask(me)

        taken = await me.call("DELETE", f"{address()}/{asked.json()['id']}")

        assert taken.status_code == 204
        assert (await show_face(me, asked))["state"] == "cancelled"
        assert (await me.read(address()))["items"][0]["state"] == "cancelled"

    async def test_what_has_succeeded_stays(self, house: House, me: Holder) -> None:
        done = await by_face(house, me)

        refused = await me.call("DELETE", f"{address()}/{done['id']}")

        assert (refused.status_code, refused.json()["code"]) == (409, "already-certified")

    async def test_a_member_takes_back_what_an_owner_asked_for_and_not_the_other_way_round(
        self, make: Make, me: Holder, father: Member
    ) -> None:
        dad = await make.signed_in(father.person)
        mine = (await ask(me, father.link_id)).json()["id"]
        his = (await ask(dad, way="counter")).json()["id"]

        refused = await me.call("DELETE", f"{address(father.link_id)}/{his}")
        taken = await dad.call("DELETE", f"{address()}/{mine}")

        assert (refused.status_code, taken.status_code) == (404, 204)


class TestDataMatch:
    async def test_somebody_is_certified_without_doing_anything(
        self, house: House, make: Make, me: Holder, father: Member
    ) -> None:
        await me.read(address(father.link_id))
        day = today(house.db.clock.now())
        await EmbeddedCertifications(house.db).match(father.person.registered.number, day)
        await pass_time(house, days=8)
        await look_after(house, father.person)

        me = await make.signed_in(me)  # the session was idle for too long
        read = await me.read(address(father.link_id))
        assert (read["state"], read["way"], read["certified_on"]) == ("passed", "data_match", day.isoformat())
        assert [(each["way"], each["state"]) for each in read["items"]] == [("data_match", "passed")]

    async def test_what_others_know_ends_a_review(self, house: House, me: Holder) -> None:
        asked = (await ask(me, way="counter")).json()
        await EmbeddedCertifications(house.db).match(me.registered.number, today(house.db.clock.now()), Way.COUNTER)
        await pass_time(house, minutes=11)

        read = await me.read(address())

        assert read["state"] == "passed"
        assert (await me.read(f"{address()}/{asked['id']}"))["state"] == "not_needed"
        states = await house.db.fetch("SELECT state FROM review_case")
        assert [row["state"] for row in states] == ["withdrawn"]


class TestAuthority:
    async def test_who_may_not_certify_may_look(self, house: House, make: Make, me: Holder) -> None:
        member = await make.member(me, services=Services(certify=False))
        await pay(house, member.person)

        assert (await me.read(address(member.link_id)))["state"] == "due_soon"
        refused = await ask(me, member.link_id)
        assert (refused.status_code, refused.json()["code"]) == (403, "service-not-shared")

    async def test_a_strangers_link_and_a_strangers_certification_are_not_there(
        self, house: House, make: Make, me: Holder, father: Member
    ) -> None:
        mine = (await ask(me, way="counter")).json()["id"]
        stranger = await make.owner()

        paths = [address(father.link_id), f"{address(father.link_id)}/{mine}", f"{address()}/{mine}"]
        answers = [await stranger.call("GET", path) for path in paths]

        assert {(each.status_code, each.json()["code"]) for each in answers} == {(404, "not-found")}
        assert (await ask(stranger, father.link_id)).status_code == 404
        assert (await me.call("GET", f"{address(father.link_id)}/{mine}")).status_code == 404

    async def test_the_same_key_asks_once(self, house: House, me: Holder) -> None:
        first = await ask(me, key="certify-1234")
        again = await ask(me, key="certify-1234")

        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
        assert await count(house.db, Certification) == 1
