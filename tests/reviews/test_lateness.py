"""Whatever nobody has decided in time is told: in the queue, at the machine, and in the worker's log."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app import worker
from app.routers.deps import House
from app.worker import reports
from tests import cluster
from tests.cli.commands import Escard
from tests.cli.conftest import escard as escard
from tests.factories.adding import later, ok, set_policy
from tests.factories.staff import Hire
from tests.reviews.conftest import Ask, decided


@pytest.fixture
def at_machine(escard: Escard, key_file: Path, database: cluster.Database) -> Mapping[str, str]:
    """Settings by which commands work on this test's database, with the key file of its house."""
    escard.data_folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(key_file, escard.data_folder / "keys.json")
    return {"database_url": database.app_url, "owner_database_url": database.owner_url}


async def reported(house: House) -> dict[str | None, int]:
    """Let the worker report; return its lines."""
    with capture_logs() as lines:
        count = await reports.report_late_reviews(house.db)
    found = {line["office"]: line["count"] for line in lines if line["event"] == "reviews_overdue"}
    assert count == len(found) == len(lines)
    return found


class TestTheLog:
    async def test_there_is_a_line_for_each_office_that_could_decide(self, ask: Ask, hire: Hire, house: House) -> None:
        for office, region in (("near", "100101"), ("province", "100000"), ("elsewhere", "310000")):
            await hire.office(office, region=region)
        await ask.father()
        await ask.newborn()
        before = await reported(house)
        await later(house, days=5)

        assert before == {}
        assert await reported(house) == {"near": 2, "province": 2}

    async def test_what_no_office_serves_is_told_too(self, ask: Ask, hire: Hire, house: House) -> None:
        await hire.office("elsewhere", region="310000")
        await ask.father()
        await later(house, days=5)

        assert await reported(house) == {None: 1}

    async def test_what_is_decided_is_late_no_more(self, ask: Ask, hire: Hire, house: House) -> None:
        asked = await ask.father()
        await later(house, days=6)
        late = await reported(house)
        await decided(await hire("li"), asked, "approve", "papers-fit")

        assert (late, await reported(house)) == ({None: 1}, {})

    async def test_nothing_of_anybody_is_in_a_line(self, ask: Ask, house: House) -> None:
        asked = await ask.father()
        await later(house, days=5)

        with capture_logs() as lines:
            await reports.report_late_reviews(house.db)

        written = json.dumps(lines, ensure_ascii=False)
        for secret in (asked.member.name, asked.member.number, asked.enrolment[-36:], asked.review[-36:]):
            assert secret not in written

    async def test_a_worker_looks_every_hour(self, house: House) -> None:
        (chore,) = [each for each in worker.chores(house.db, house.ports) if each.name == "report_late_reviews"]

        now = house.db.clock.now()
        assert (chore.every.total_seconds(), chore.first(now)) == (3600, now)


@pytest.fixture
async def two_days(database: cluster.Database) -> None:
    """A policy that gives people two days; before the house has read the rules."""
    await set_policy(database, "reviews", due_days=2)


async def test_how_long_people_have_is_a_policy(two_days: None, ask: Ask, hire: Hire, house: House) -> None:
    await ask.father()
    await later(house, days=1, hours=23)
    in_time = await reported(house)
    await later(house, hours=1)
    (item,) = ok(await (await hire("li")).call("GET", "/v1/reviews?state=overdue"))["items"]

    assert (in_time, item["is_overdue"]) == ({}, True)


async def test_at_the_machine_all_are_listed_or_those_past_their_deadline(
    ask: Ask, house: House, escard: Escard, at_machine: Mapping[str, str]
) -> None:
    late = await ask.father()
    await later(house, days=4, hours=23)
    soon = await ask.father()
    await later(house, hours=1)

    everything = escard.do("cases", "list", **at_machine).said.splitlines()
    overdue = escard.do("cases", "list", "--overdue", **at_machine).said.splitlines()

    assert [line.split()[0] for line in everything] == ["case", late.review[-36:], soon.review[-36:]]
    assert [line.split()[-2] for line in everything] == ["overdue", "yes", "-"]
    assert overdue == everything[:2]
