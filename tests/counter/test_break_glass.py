"""A look without the card: at once, flagged, told to whom it is about, and reviewed by somebody else later."""

import asyncio
import secrets
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.models.operators import OperatorRole
from app.routers.deps import House
from app.services.operators import registering
from app.worker import reports
from tests import cluster
from tests.factories.adding import later, ok, refused, set_policy
from tests.factories.counters import Counter, Open
from tests.factories.make import Make, Someone
from tests.factories.staff import Hire, Worker
from tests.family.test_members_and_owners import told

GLASS = "/v1/counter/break-glass"


@pytest.fixture
async def li(hire: Hire) -> Worker:
    """A reviewer."""
    return await hire("li")


async def broken(at: Counter, person: Someone, key: str | None = None, **instead: str) -> httpx.Response:
    """Look at somebody without their card."""
    body = {
        "name": person.registered.name,
        "social_security_number": person.registered.number,
        "reason": "unconscious",
        **instead,
    }
    signed = at.terminal.signed(body, path=GLASS, session=at.clerk.token)
    signed.headers["Idempotency-Key"] = key or secrets.token_hex(8)
    return await at.terminal.send(signed)


async def reviewed(worker: Worker, look_id: str, finding: str = "justified") -> httpx.Response:
    return await worker.call("POST", f"{GLASS}/{look_id}/reviews", {"finding": finding})


async def listed(worker: Worker) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = ok(await worker.call("GET", GLASS))["items"]
    return items


class TestLooking:
    async def test_it_says_how_somebody_stands_and_until_when_it_is_reviewed(
        self, hospital: Counter, make: Make
    ) -> None:
        wang = await make.person(name="王小明")

        looked = ok(await broken(hospital, wang))

        assert (looked["card"], looked["person"]["name"], looked["reason"]) == ("normal", "王**", "unconscious")

    async def test_it_is_written_down_and_told_to_whom_it_is_about(
        self, hospital: Counter, make: Make, house: House
    ) -> None:
        wang = await make.owner()

        looked = ok(await broken(hospital, wang))

        action, facts, actor = (await make.audited(wang))[-1]
        assert (action, facts["look_id"], actor) == ("counter.emergency_looked", looked["id"], hospital.clerk.id)
        assert (facts["reason"], facts["office"]) == ("unconscious", "east-hospital")
        assert await told(house.db, wang) == ["emergency_look_member"]

    async def test_the_same_once_more_is_one_look(self, hospital: Counter, make: Make, li: Worker) -> None:
        wang = await make.person()

        first, again = [await broken(hospital, wang, key="the-same-key") for _ in range(2)]

        assert ok(first)["id"] == ok(again)["id"]
        assert len(await listed(li)) == 1

    async def test_unknown_wrong_and_dead_people_are_one_answer_and_counted(
        self, hospital: Counter, make: Make
    ) -> None:
        wang, dead = await make.person(), await make.person(is_alive=False)

        answers = [await broken(hospital, wang, name="李四"), await broken(hospital, dead)]
        answers += [await broken(hospital, wang, name=f"李{n}") for n in "五六七八"]

        said = [refused(answer, 409, "person-not-verified") for answer in answers[:2]]
        assert len({str({**each, "request_id": ""}) for each in said}) == 1
        refused(answers[-1], 429, "lookups-used-up")

    async def test_nobody_looks_at_their_own_family(self, hospital: Counter, make: Make) -> None:
        child = await make.person(parents=frozenset({hospital.clerk_is.registered.number}))

        refused(await broken(hospital, child), 403, "service-of-own-family")
        assert [action for action, _, _ in await make.audited(child)][-1] == "counter.refused"

    async def test_it_takes_a_terminal_of_the_office(
        self, hospital: Counter, window: Counter, make: Make, li: Worker
    ) -> None:
        wang = await make.person()

        refused(
            await broken(Counter(hospital.clerk, window.terminal, hospital.clerk_is), wang), 403, "terminal-elsewhere"
        )
        refused(await broken(Counter(li, window.terminal, window.clerk_is), wang), 403, "terminal-elsewhere")


class TestTooMany:
    async def test_who_has_too_many_unreviewed_looks_makes_no_more_also_at_once(
        self, hospital: Counter, make: Make, li: Worker
    ) -> None:
        crowd = [await make.person() for _ in range(5)]  # as many as may be asked about at once

        answers = await asyncio.gather(*(broken(hospital, each) for each in crowd))

        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [403] * 2
        assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {
            "emergency-looks-unreviewed"
        }
        assert len(await listed(li)) == 3

    async def test_a_review_gives_a_place_back(self, hospital: Counter, make: Make, li: Worker) -> None:
        looks = [ok(await broken(hospital, await make.person())) for _ in range(3)]
        refused(await broken(hospital, await make.person()), 403, "emergency-looks-unreviewed")

        ok(await reviewed(li, looks[0]["id"]))

        ok(await broken(hospital, await make.person()))

    async def test_another_number_is_a_matter_of_policy(
        self, database: cluster.Database, open_counter: Open, make: Make
    ) -> None:
        await set_policy(database, "counters", emergency_looks=1)
        window = await open_counter()

        answers = [await broken(window, await make.person()) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 403]


class TestReviewing:
    async def test_of_two_reviewers_at_once_one_closes_it(
        self, hospital: Counter, make: Make, li: Worker, hire: Hire
    ) -> None:
        wang, look = await hire("wang"), ok(await broken(hospital, await make.person()))

        answers = await asyncio.gather(*(reviewed(each, look["id"]) for each in (li, wang)))

        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert await listed(li) == []
        refused(await reviewed(li, look["id"]), 409, "emergency-look-reviewed")

    async def test_the_finding_is_written_down_with_whom_it_was_about(
        self, hospital: Counter, make: Make, li: Worker
    ) -> None:
        person = await make.person()
        look = ok(await broken(hospital, person))

        closed = ok(await reviewed(li, look["id"], "not_justified"))

        assert closed["finding"] == "not_justified"
        action, facts, actor = (await make.audited(person))[-1]
        assert (action, facts["finding"], actor) == ("counter.emergency_reviewed", "not_justified", li.id)

    async def test_the_list_names_nobody_who_was_looked_at(self, hospital: Counter, make: Make, li: Worker) -> None:
        person = await make.person()
        ok(await broken(hospital, person))

        (look,) = await listed(li)

        assert (look["office_id"], look["operator_id"], look["is_overdue"]) == (
            "east-hospital",
            str(hospital.clerk.id),
            False,
        )
        assert str(person.id) not in str(look)

    async def test_neither_who_has_looked_nor_a_relative_reviews(
        self, hospital: Counter, make: Make, hire: Hire
    ) -> None:
        person = await make.person()
        look = ok(await broken(hospital, person))
        parent = await make.person()
        child = await make.person(parents=frozenset({parent.registered.number}))
        theirs = ok(await broken(hospital, child))
        relative = await hire("relative", who=parent)

        refused(await reviewed(hospital.clerk, look["id"]), 403, "role-needed")
        refused(await reviewed(relative, theirs["id"]), 403, "service-of-own-family")

    async def test_a_hospital_reviews_nobody_and_decides_nothing(
        self, hospital: Counter, make: Make, hire: Hire
    ) -> None:
        look = ok(await broken(hospital, await make.person()))
        colleague = await hire("colleague", role=OperatorRole.REVIEWER, office="east-hospital")

        refused(await reviewed(colleague, look["id"]), 403, "not-at-this-office")
        refused(await colleague.call("GET", "/v1/counter/break-glass"), 403, "not-at-this-office")
        refused(await colleague.call("GET", "/v1/reviews"), 403, "not-at-this-office")

    async def test_a_clerk_who_is_a_reviewer_now_does_not_review_what_they_did_before(
        self, hospital: Counter, make: Make, hire: Hire, house: House
    ) -> None:
        look = ok(await broken(hospital, await make.person()))
        await house.db.run(lambda session: registering.remove(session, hospital.clerk.login))
        again = await hire("again", role=OperatorRole.REVIEWER, who=hospital.clerk_is)

        refused(await reviewed(again, look["id"]), 403, "own-look-not-reviewed")

    async def test_a_look_of_another_region_is_not_there(self, hospital: Counter, make: Make, hire: Hire) -> None:
        look = ok(await broken(hospital, await make.person()))
        elsewhere = await hire("elsewhere", office="far-office", region="330100")

        assert await listed(elsewhere) == []
        refused(await reviewed(elsewhere, look["id"]), 404, "not-found")

    async def test_what_nobody_has_reviewed_in_time_is_said_in_the_log_by_office(
        self, hospital: Counter, make: Make, house: House, hire: Hire
    ) -> None:
        ok(await broken(hospital, await make.person()))
        with capture_logs() as before:
            assert await reports.report_late_looks(house.db) == 0

        await later(house, hours=72)
        with capture_logs() as logs:
            await reports.report_late_looks(house.db)

        assert before == []
        assert [(each["event"], each["office"], each["count"]) for each in logs] == [
            ("emergency_looks_overdue", "east-hospital", 1)
        ]
        assert [look["is_overdue"] for look in await listed(await hire("li"))] == [True]
