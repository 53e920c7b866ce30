"""Chores: done when they are due by our clock, however many workers there are; put down at once when told to stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from app import worker
from app.adapters.clock import SharedClock
from app.adapters.storage.objects import FolderObjects
from app.core.db import Database, Session
from app.models.throttles import Throttle
from app.ports.messages import Message, MessageKind
from app.ports.register import TestPerson
from app.ports.storage import ObjectStore
from app.routers.deps import House
from app.services import audit_heads, housekeeping
from app.services.people import homes
from app.worker import relay, reports
from tests.factories.make import Make, Someone
from tests.factories.phone import Phone

PATIENCE_SECONDS = 60
"""More than any chore waits in these tests; a worker that does its work is done long before."""


@asynccontextmanager
async def working(house: House, workers: int = 1) -> AsyncIterator[None]:
    """Have workers at work."""
    stopping = asyncio.Event()
    crowd = [asyncio.create_task(worker.work(house.db, house.ports, stopping)) for _ in range(workers)]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*crowd)


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.05)


async def move(house: House, by: timedelta) -> None:
    assert isinstance(house.ports.clock, SharedClock)
    await house.ports.clock.move_everywhere(house.db, by)


async def count(db: Database, rows: str) -> int:
    (row,) = await db.fetch(f"SELECT count(*) AS count FROM {rows}")  # noqa: S608 - the tests' own words
    found: int = row["count"]
    return found


class TestWhatIsDue:
    async def test_an_application_that_was_left_expires_and_nothing_of_it_stays(
        self, house: House, db: Database, owner: Phone, people: dict[str, TestPerson]
    ) -> None:
        enrolment = await owner.to_face(people["child-9"], "20", age=9)
        async with working(house, workers=2):
            await move(house, timedelta(hours=73))
            await until(lambda: _is_gone(house))

        assert await count(db, "enrolment WHERE state = 'expired'") == 1
        assert await count(db, "family_link") == 0
        assert await count(db, "audit_event WHERE action = 'enrolment.ended' AND facts->>'state' = 'expired'") == 1
        assert enrolment

    async def test_a_freed_slot_goes_to_whoever_waits(
        self, house: House, db: Database, owner: Phone, people: dict[str, TestPerson], make: Make
    ) -> None:
        others = [await make.owner(name="别人") for _ in range(2)]
        added = await owner.to_face(people["parent-68"], "51", age=68)
        member = await _known(house, people["parent-68"])
        taken = [await make.member(other, "51", person=member) for other in others]
        await owner.face_check(added)
        waiting = await owner.read(added)

        async with working(house):
            ended = await others[0].call("DELETE", f"/v1/family/members/{taken[0].link_id}")
            await until(lambda: _is_active(owner, added))

        assert waiting["state"] == "face_pending"
        assert ended.status_code == 204

    async def test_a_face_check_that_nobody_asks_about_comes_to_its_end(
        self, house: House, db: Database, owner: Phone, people: dict[str, TestPerson]
    ) -> None:
        added = await owner.to_face(people["child-9"], "20", age=9)
        started = await owner.call("POST", f"{added}/face-checks", {"device_meta": {"sandbox_scenario": "no_callback"}})

        async with working(house):
            await move(house, timedelta(hours=1))
            await until(lambda: _is_over(db))

        assert started.status_code == 201

    async def test_ends_of_chains_are_signed_every_hour(self, house: House, db: Database, make: Make) -> None:
        await make.person()
        async with working(house):
            await until(lambda: _signed(house.ports.store, 1))
            await make.person()
            await move(house, timedelta(hours=1))
            await until(lambda: _signed(house.ports.store, 2))

        assert (await audit_heads.check(db, house.ports.store)).is_whole

    async def test_the_night_begins_at_three_in_china(self, house: House) -> None:
        (chore,) = [each for each in worker.chores(house.db, house.ports) if each.name == "report_strays"]

        assert chore.first(datetime(2026, 3, 1, 18, 59, tzinfo=UTC)) == datetime(2026, 3, 1, 19, tzinfo=UTC)
        assert chore.first(datetime(2026, 3, 1, 19, 0, tzinfo=UTC)) == datetime(2026, 3, 2, 19, tzinfo=UTC)


class TestAWorker:
    async def test_ends_at_once_when_told_to(self, house: House) -> None:
        await house.ports.messages.send(Message(key="old", to="10000001000", kind=MessageKind.NOTICE, text="…"))
        await move(house, timedelta(days=31))
        async with working(house):
            await until(lambda: _is_emptied(house.db))  # so the longest chore is done for now
            started = time.monotonic()

        assert time.monotonic() - started < 9  # a worker that is not told waits ten seconds

    async def test_goes_on_with_the_rest_when_a_chore_fails(self, house: House, owner: Phone, tmp_path: Path) -> None:
        lost = FolderObjects(tmp_path / "lost")
        (tmp_path / "lost").rmdir()
        with capture_logs() as lines:
            async with working(replace(house, ports=replace(house.ports, store=lost))):
                await until(lambda: _all_told(house.db))

        assert "sign_audit_heads" in {line.get("chore") for line in lines if line["event"] == "chore_failed"}


class TestPuttingAway:
    async def test_what_is_past_goes_and_the_rest_stays(
        self, house: House, db: Database, owner: Phone, people: dict[str, TestPerson]
    ) -> None:
        await housekeeping.put_away(db)
        await owner.step_up()
        await owner.open("family_member")
        await relay.tell_due(db, house.ports)
        kept = [await count(db, table) for table in _PASSING]
        early = await housekeeping.put_away(db)
        await move(house, timedelta(days=31))
        await housekeeping.put_away(db)

        assert early == 0
        assert all(kept)
        assert [await count(db, table) for table in _PASSING] == [0] * len(_PASSING)
        assert await count(db, "audit_event") > 0

    async def test_it_comes_by_every_bucket_in_which_something_is(self, db: Database) -> None:
        buckets = (0, 1, 1023, 1024, 1025, 40_000, 65_535)

        async def fill(session: Session) -> None:
            for bucket, hours in ((each, hours) for each in buckets for hours in (-1, 1)):
                resets_at = session.now + timedelta(hours=hours)
                session.add(Throttle(bucket=bucket, subject=bytes(32), action=f"{hours}", used=1, resets_at=resets_at))

        await db.run(fill)

        gone = await housekeeping.put_away(db)

        left = await db.fetch("SELECT bucket, action FROM throttle ORDER BY bucket")
        assert gone == len(buckets)
        assert [(row["bucket"], row["action"]) for row in left] == [(bucket, "1") for bucket in buckets]


class TestStrays:
    async def test_objects_without_a_row_are_reported(
        self, house: House, owner: Phone, people: dict[str, TestPerson]
    ) -> None:
        await owner.to_face(people["child-9"], "20", age=9)
        await house.ports.store.put("evidence/0000/00000000-0000-8000-8000-000000000000", b"lost")
        await house.ports.store.put("evidence/0000/something-else", b"lost")

        with capture_logs() as lines:
            found = await reports.report_strays(house.db, house.ports)

        assert found == 2
        assert [line["count"] for line in lines if line["event"] == "objects_without_row"] == [2]

    async def test_a_store_in_order_has_none(self, house: House, owner: Phone, people: dict[str, TestPerson]) -> None:
        await owner.to_face(people["child-9"], "20", age=9)

        assert await reports.report_strays(house.db, house.ports) == 0


_PASSING = ("kept_answer", "sms_code", "throttle", "outbox_event", "inbox_message")


async def _known(house: House, person: TestPerson) -> Someone:
    person_id = await house.db.run(lambda session: homes.find(session, person.number))
    registered = await house.ports.register.find(person.number)
    assert person_id is not None
    assert registered is not None
    return Someone(person_id, registered)


async def _is_gone(house: House) -> bool:
    return await count(house.db, "document") == 0 and [each async for each in house.ports.store.list("evidence")] == []


async def _is_active(phone: Phone, enrolment: str) -> bool:
    state: str = (await phone.read(enrolment))["state"]
    return state == "active"


async def _is_over(db: Database) -> bool:
    return await count(db, "face_check WHERE ended_at IS NOT NULL") == 2  # that of the own card, and this one


async def _signed(store: ObjectStore, times: int) -> bool:
    return len([each async for each in store.list(audit_heads.FOLDER)]) == times


async def _is_emptied(db: Database) -> bool:
    return await count(db, "inbox_message") == 0


async def _all_told(db: Database) -> bool:
    return await count(db, "outbox_event WHERE done_at IS NULL") == 0
