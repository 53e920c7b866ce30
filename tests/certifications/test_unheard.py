"""A commit that succeeds unheard begins one certification; the authority at home; waiting, pages, no try left."""

from collections.abc import AsyncIterator

import pytest

from app import main
from app.adapters.certifications.embedded import EmbeddedCertifications
from app.adapters.keys.file import FileKeys
from app.core.clock import today
from app.core.db import new_id
from app.core.settings import Settings
from app.models.cases import Finding, Verdict
from app.models.certifications import Certification
from app.models.faces import FaceCheck
from app.ports.certifications import Refusal, Report, Way
from app.routers.deps import House
from app.services.cases import Decision
from app.worker import relay
from tests.cluster import Database
from tests.factories.certifying import address, ask, by_face, pay, show_face
from tests.factories.deciding import people_decide
from tests.factories.houses import build
from tests.factories.lines import Line, line_to
from tests.factories.make import Holder, Make
from tests.factories.rows import count


class TestUnheard:
    @pytest.fixture
    async def near_end(self, database: Database) -> AsyncIterator[tuple[Line, str]]:
        async with line_to(database.app_url) as ends:
            yield ends

    @pytest.fixture
    def line(self, near_end: tuple[Line, str]) -> Line:
        return near_end[0]

    @pytest.fixture
    async def house(self, near_end: tuple[Line, str], settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
        """A house at the near end of a line that can be cut."""
        async with main.opened(build(settings, near_end[1], keys)) as house:
            yield house

    async def test_one_by_face_is_begun_once(self, house: House, me: Holder, line: Line) -> None:
        with line.cut_commit_after(b"INSERT INTO benefit_certification "):
            asked = await ask(me)

        assert (asked.status_code, asked.json()["state"]) == (201, "open")
        assert (await count(house.db, Certification), await count(house.db, FaceCheck)) == (1, 1)
        assert (await show_face(me, asked))["state"] == "passed"

    async def test_one_at_a_counter_is_begun_once(self, house: House, me: Holder, line: Line) -> None:
        with line.cut_commit_after(b"INSERT INTO benefit_certification "):
            asked = await ask(me, way="counter")

        assert (asked.status_code, asked.json()["state"]) == (201, "in_review")
        assert await count(house.db, Certification) == 1

    async def test_one_that_has_passed_has_passed_once(self, house: House, me: Holder, line: Line) -> None:
        await show_face(me, await ask(me))

        with line.cut_commit_after(b"UPDATE benefit_certification "):
            await relay.tell_due(house.db, house.ports)

        read = await me.read(address())
        assert [each["state"] for each in read["items"]] == ["passed"]
        told = await house.db.fetch(
            "SELECT count(*) FROM outbox_event WHERE facts ->> 'message' = 'certification_passed_member'"
        )
        assert told[0][0] == 1


async def test_once_people_have_said_no_and_no_try_is_left_it_says_where_to_go(house: House, me: Holder) -> None:
    for _ in range(3):
        await by_face(house, me, scenario="face_mismatch")
    await people_decide(house, Decision(Verdict.REJECT, Finding.NOT_THE_SAME_PERSON))

    refused = await ask(me)

    assert (refused.status_code, refused.json()["code"]) == (409, "face-tries-used")
    assert (refused.json()["next"]["action"], refused.json()["next"]["href"]) == ("certify-at-counter", address())
    assert (await ask(me, way="counter")).status_code == 201


class TestAuthorityAtHome:
    async def test_who_is_known_stays_as_they_are(self, house: House, me: Holder) -> None:
        before = await me.read(address())
        await pay(house, me, days=10)

        assert (await house.ports.certifications.entitlement(me.registered.number)).certified_on is not None
        assert (await me.read(address()))["certified_on"] == before["certified_on"]

    async def test_who_gets_nothing_is_certified_for_nothing(self, house: House, make: Make) -> None:
        nobody = await make.person()
        report = Report(new_id(3), nobody.registered.number, Way.FACE, house.db.clock.now())

        first = await house.ports.certifications.report(report)
        again = await house.ports.certifications.report(report)

        assert first == again
        assert first.refusal is Refusal.NOT_ENTITLED

    async def test_nobody_is_matched_who_gets_nothing(self, house: House, make: Make) -> None:
        nobody = await make.person()

        with pytest.raises(LookupError):
            await EmbeddedCertifications(house.db).match(nobody.registered.number, today(house.db.clock.now()))

    async def test_late_it_pays_back_the_months_that_were_missed(self, house: House, make: Make) -> None:
        late = await make.owner()
        await pay(house, late, days=460)
        before = await late.read(address())
        await by_face(house, late)

        (benefit,) = (await late.read(address()))["benefits"]
        assert before["benefits"][0]["suspended_since"] is not None
        assert benefit["payment"] == "restored"
        assert benefit["back_paid_months"] >= 2
        assert float(benefit["back_paid"]) == 3000 * benefit["back_paid_months"]


async def test_a_certification_can_be_waited_for(house: House, me: Holder) -> None:
    asked = await ask(me)
    path = f"{address()}/{asked.json()['id']}"
    first = await me.call("GET", path)
    await show_face(me, asked)

    now = await me.call("GET", path, **{"If-None-Match": first.headers["etag"], "Prefer": "wait=5"})
    same = await me.call("GET", path, **{"If-None-Match": now.headers["etag"], "Prefer": "wait=1"})

    assert (first.json()["state"], now.json()["state"]) == ("open", "reporting")
    assert same.status_code == 304


async def test_pages_of_certifications_follow_each_other(house: House, me: Holder) -> None:
    for _ in range(3):
        await by_face(house, me, scenario="user_cancelled")

    first = await me.read(f"{address()}?limit=2")
    second = await me.read(f"{address()}?limit=2&cursor={first['next_cursor']}")

    assert [len(first["items"]), len(second["items"]), second["next_cursor"]] == [2, 1, None]
    assert len({each["id"] for each in first["items"] + second["items"]}) == 3
