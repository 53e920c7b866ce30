"""Two at once: faces, phones, ends of links, people; each time the one right outcome."""

import asyncio
import secrets

import pytest
from sqlalchemy import update

from app import worker
from app.adapters.certifications.embedded import EmbeddedCertifications
from app.core.clock import today
from app.core.db import Session
from app.models.cases import Finding, Verdict
from app.models.certifications import Certification, CertificationState
from app.models.links import LinkEnd
from app.routers.deps import House
from app.services import audit, links
from app.services.cases import Decision
from app.services.certifications import reporting
from app.worker import relay
from tests.factories.callers import pass_time
from tests.factories.certifying import JSON, address, ask, look_after, pay, show_face, to_noon
from tests.factories.deciding import people_decide
from tests.factories.make import Holder, Make, Member
from tests.factories.rows import count

YES = Decision(Verdict.APPROVE, Finding.IDENTITY_SHOWN)


@pytest.fixture
async def dad(make: Make, house: House, me: Holder, father: Member) -> Holder:
    """The father himself, at his own phone."""
    return await make.signed_in(father.person)


async def states(house: House) -> list[str]:
    rows = await house.db.fetch("SELECT state FROM benefit_certification ORDER BY state")
    return [row["state"] for row in rows]


async def reports(house: House) -> int:
    rows = await house.db.fetch("SELECT count(*) FROM benefit_report")
    found: int = rows[0][0]
    return found


class TestFaces:
    async def test_two_phones_certify_one_person_once(
        self, house: House, me: Holder, father: Member, dad: Holder
    ) -> None:
        his, mine = await asyncio.gather(ask(dad), ask(me, father.link_id))
        await asyncio.gather(show_face(dad, his), show_face(me, mine))
        await relay.tell_due(house.db, house.ports)

        assert await states(house) == ["not_needed", "passed"]
        assert await reports(house) == 1
        assert (await dad.read(address()))["state"] == "passed"

    async def test_one_key_sent_six_times_at_once_begins_one(self, house: House, me: Holder) -> None:
        key = secrets.token_hex(8)

        answers = await asyncio.gather(*(ask(me, key=key) for _ in range(6)))

        assert {each.status_code for each in answers} <= {201, 409}
        assert {each.json()["code"] for each in answers if each.status_code == 409} <= {"idempotency-key-in-flight"}
        assert await count(house.db, Certification) == 1

    async def test_six_keys_at_once_leave_one_open(self, house: House, me: Holder) -> None:
        answers = await asyncio.gather(*(ask(me) for _ in range(4)))

        assert {each.status_code for each in answers} == {201}
        assert (await states(house)).count("open") == 1

    async def test_callback_and_completion_at_once_count_one(self, house: House, me: Holder) -> None:
        asked = await ask(me, scenario="duplicate_callback")
        path = f"/v1/face-checks/{asked.json()['face_check']['id']}/completion"

        await asyncio.gather(*(me.call("POST", path) for _ in range(4)))
        await relay.tell_due(house.db, house.ports)

        assert await states(house) == ["passed"]
        assert await reports(house) == 1
        ended = await house.db.fetch("SELECT count(*) FROM audit_event WHERE action = 'certification.ended'")
        assert ended[0][0] == 1

    async def test_a_late_callback_passes_too(self, house: House, me: Holder) -> None:
        asked = await ask(me, scenario="late_callback")
        await show_face(me, asked)
        await pass_time(house, seconds=30)
        for chore in worker.chores(house.db, house.ports):
            if chore.name in ("settle_face_checks", "tell"):
                await chore.do()

        assert (await me.read(f"{address()}/{asked.json()['id']}"))["state"] in ("reporting", "passed")

    async def test_two_reused_faces_at_once_are_one(self, house: House, me: Holder) -> None:
        await to_noon(house)
        await show_face(me, await ask(me))
        await relay.tell_due(house.db, house.ports)
        await pass_time(house, hours=23)

        answers = await asyncio.gather(*(ask(me) for _ in range(4)))

        assert sorted(each.json().get("code", "begun") for each in answers) == ["already-certified"] * 3 + ["begun"]
        assert await states(house) == ["passed", "reporting"]

    async def test_a_face_of_what_is_over_certifies_nobody(self, house: House, me: Holder) -> None:
        asked = await ask(me)
        await house.db.run(_cancel_all)

        check = await show_face(me, asked)

        assert (check["state"], await states(house), await reports(house)) == ("passed", ["cancelled"], 0)

    async def test_an_owner_sees_that_the_member_is_before_their_own_camera(
        self, me: Holder, father: Member, dad: Holder
    ) -> None:
        asked = await ask(dad)

        seen = await me.read(f"{address(father.link_id)}/{asked.json()['id']}")

        assert (seen["state"], seen["face_check"]) == ("open", None)
        assert "face-check" not in [step["step"] for step in seen["next"]]


class TestLinks:
    async def test_a_face_shown_as_the_link_ends_certifies_and_the_owner_sees_nothing_of_it(
        self, house: House, me: Holder, father: Member, dad: Holder
    ) -> None:
        asked = await ask(me, father.link_id)
        await house.db.run(lambda session: links.end(session, father.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))

        check = await show_face(me, asked)
        await relay.tell_due(house.db, house.ports)

        gone = await me.call("GET", f"{address(father.link_id)}/{asked.json()['id']}")
        assert (check["state"], gone.status_code) == ("passed", 404)
        assert (await dad.read(f"{address()}/{asked.json()['id']}"))["state"] == "passed"
        assert "certification_passed_owner" not in await told(house)
        assert "certification_passed_member" in await told(house)

    async def test_a_face_shown_while_the_link_is_disputed_certifies_too(
        self, house: House, me: Holder, father: Member, dad: Holder
    ) -> None:
        asked = await ask(me, father.link_id)
        key = {"Idempotency-Key": secrets.token_hex(8)}
        disputed = await dad.call("POST", f"/v1/family/owners/{father.link_id}/disputes", {"reason": "misused"}, **key)
        assert disputed.status_code == 201, disputed.text

        await show_face(me, asked)
        await relay.tell_due(house.db, house.ports)

        frozen = await me.call("GET", f"{address(father.link_id)}/{asked.json()['id']}")
        assert (frozen.status_code, frozen.json()["code"]) == (409, "link-frozen")
        assert (await dad.read(address()))["state"] == "passed"

    async def test_an_end_while_the_authority_thinks_stops_what_was_not_begun(
        self, house: House, me: Holder, father: Member
    ) -> None:
        ending = house.db.run(lambda session: links.end(session, father.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))

        asked, _ = await asyncio.gather(ask(me, father.link_id, way="counter"), ending)

        assert asked.status_code in (201, 404)
        assert await count(house.db, Certification) == (asked.status_code == 201)


class TestPeople:
    async def test_two_reviews_at_once_are_one(self, house: House, me: Holder, father: Member, dad: Holder) -> None:
        answers = await asyncio.gather(ask(dad, way="counter"), ask(me, father.link_id, way="counter"))

        assert sorted(each.status_code for each in answers) == [201, 409]
        refused: JSON = next(each.json() for each in answers if each.status_code == 409)
        assert refused["code"] == "certification-in-review"

    async def test_taken_back_while_people_decide_it_is_one_or_the_other(self, house: House, me: Holder) -> None:
        asked = (await ask(me, way="counter")).json()

        decided, taken = await asyncio.gather(
            people_decide(house, YES), me.call("DELETE", f"{address()}/{asked['id']}"), return_exceptions=True
        )
        await relay.tell_due(house.db, house.ports)

        assert not isinstance(taken, BaseException)
        (state,) = await states(house)
        assert (taken.status_code, isinstance(decided, BaseException), state) in (
            (204, True, "cancelled"),
            (409, False, "passed"),
        )

    async def test_a_face_that_passes_meanwhile_takes_the_case_from_people(
        self, house: House, me: Holder, father: Member, dad: Holder
    ) -> None:
        face = await ask(dad)
        await ask(me, father.link_id, way="counter")

        await show_face(dad, face)
        await relay.tell_due(house.db, house.ports)

        assert await states(house) == ["not_needed", "passed"]
        cases = await house.db.fetch("SELECT state FROM review_case")
        assert [row["state"] for row in cases] == ["withdrawn"]
        assert (await dad.read(address()))["state"] == "passed"

    async def test_people_and_data_at_once_certify_once(self, house: House, make: Make) -> None:
        somebody = await make.owner()
        await pay(house, somebody, days=340)
        await ask(somebody, way="counter")
        await EmbeddedCertifications(house.db).match(somebody.registered.number, today(house.db.clock.now()))
        await pass_time(house, days=8)

        await asyncio.gather(people_decide(house, YES), look_after(house, somebody), return_exceptions=True)
        await relay.tell_due(house.db, house.ports)

        passed = [state for state in await states(house) if state == "passed"]
        assert 1 <= len(passed) <= 2  # people's counts too where they were faster: another day's
        assert "in_review" not in await states(house)


class TestReports:
    async def test_told_by_many_at_once_it_is_counted_once(self, house: House, me: Holder) -> None:
        asked = await ask(me)
        await show_face(me, asked)
        rows = await house.db.fetch("SELECT id FROM benefit_certification")

        await asyncio.gather(*(reporting.report(house.db, house.ports.certifications, rows[0]["id"]) for _ in range(4)))

        ended = await house.db.fetch("SELECT count(*) FROM audit_event WHERE action = 'certification.ended'")
        assert (await states(house), await reports(house), ended[0][0]) == (["passed"], 1, 1)
        assert (await told(house)).count("certification_passed_member") == 1


async def _cancel_all(session: Session) -> None:
    await session.execute(update(Certification).values(state=CertificationState.CANCELLED))


async def told(house: House) -> list[str]:
    rows = await house.db.fetch("SELECT facts ->> 'message' AS message FROM outbox_event WHERE kind = 'tell_person'")
    return [row["message"] for row in rows]
