"""Events of the outbox: told once where all goes well, and again where it does not."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from app.adapters.clock import SharedClock
from app.core.db import Database, Session
from app.ports.messages import Message, Messages, MessagesUnavailable
from app.routers.deps import House
from app.services import outbox
from app.services.outbox import Kind
from app.worker.relay import tell_due
from tests.factories.make import Holder, Make


class OutOfOrder(Messages):
    """A way to people's phones that is broken."""

    async def send(self, message: Message) -> None:
        raise MessagesUnavailable


@pytest.fixture
async def me(make: Make) -> Holder:
    """Somebody with an account."""
    return await make.owner()


@pytest.fixture
async def event(db: Database, me: Holder) -> UUID:
    """Something to tell them."""

    async def put(session: Session) -> None:
        outbox.tell(session, Kind.TELL_PERSON, me.id, message="card_password_changed")

    await db.run(put)
    (event_id,) = await db.run(outbox.due)
    return event_id


async def messages(house: House) -> int:
    assert house.sandbox is not None
    return len(await house.sandbox.inbox.received(None))


async def row(db: Database) -> asyncpg.Record:
    (row,) = await db.fetch("SELECT * FROM outbox_event")
    return row


async def move(house: House, by: timedelta) -> None:
    assert isinstance(house.ports.clock, SharedClock)
    await house.ports.clock.move_everywhere(house.db, by)


async def test_an_event_is_told_once(house: House, db: Database, event: UUID) -> None:
    counts = [await tell_due(db, house.ports) for _ in range(3)]

    assert counts == [1, 0, 0]
    assert await messages(house) == 1
    assert (await row(db))["done_at"] is not None


async def test_many_workers_tell_an_event_once(house: House, db: Database, event: UUID) -> None:
    await asyncio.gather(*(tell_due(db, house.ports) for _ in range(8)))

    assert await messages(house) == 1
    assert (await row(db))["attempts"] == 1


async def test_an_event_is_not_told_before_its_time(house: House, db: Database, me: Holder) -> None:
    async def put(session: Session) -> None:
        outbox.tell(session, Kind.TELL_PERSON, me.id, after=timedelta(days=3), message="card_password_changed")

    await db.run(put)
    early = await tell_due(db, house.ports)
    await move(house, timedelta(days=3))

    assert (early, await tell_due(db, house.ports)) == (0, 1)


async def test_an_event_whose_teller_died_is_told_when_the_lease_is_over(
    house: House, db: Database, event: UUID
) -> None:
    taken = await db.run(lambda session: outbox.take(session, event))
    at_once = await tell_due(db, house.ports)
    await move(house, outbox.LEASE)
    later = await tell_due(db, house.ports)

    assert taken is not None
    assert (at_once, later, await messages(house)) == (0, 1, 1)


async def test_an_event_told_by_a_teller_that_died_before_writing_so_down_is_heard_once(
    house: House, db: Database, event: UUID, pg_url: str
) -> None:
    await tell_due(db, house.ports)
    connection = await asyncpg.connect(pg_url)
    await connection.execute("UPDATE outbox_event SET done_at = NULL, taken_until = NULL")
    await connection.close()

    assert await tell_due(db, house.ports) == 1
    assert await messages(house) == 1


async def test_what_cannot_be_told_is_put_off_for_longer_each_time_up_to_an_hour(
    house: House, db: Database, event: UUID
) -> None:
    broken = replace(house.ports, messages=OutOfOrder())
    pauses = []
    for _ in range(12):
        assert await tell_due(db, broken) == 1
        due_at = (await row(db))["due_at"]
        pauses.append(round((due_at - db.clock.now()).total_seconds()))
        await move(house, due_at - db.clock.now() + timedelta(seconds=1))

    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert await tell_due(db, house.ports) == 1
    assert await messages(house) == 1


async def test_an_event_that_is_stuck_becomes_an_error_in_the_log(house: House, db: Database, event: UUID) -> None:
    broken = replace(house.ports, messages=OutOfOrder())
    with capture_logs() as lines:
        for _ in range(11):
            await tell_due(db, broken)
            await move(house, timedelta(hours=1))

    levels = [line["log_level"] for line in lines if line["event"] == "event_not_told"]
    assert levels == ["warning"] * 9 + ["error"] * 2


async def test_one_event_that_cannot_be_told_holds_up_no_other(
    house: House, db: Database, me: Holder, event: UUID
) -> None:
    async def put(session: Session) -> None:
        outbox.tell(session, Kind.TELL_PERSON, me.id, message="no_such_message")
        outbox.tell(session, Kind.TELL_PERSON, me.id, message="card_password_locked")

    await db.run(put)
    await tell_due(db, house.ports)

    assert await messages(house) == 2


async def test_an_event_of_a_kind_that_only_a_newer_version_knows_waits(
    house: House, db: Database, event: UUID, pg_url: str
) -> None:
    connection = await asyncpg.connect(pg_url)
    await connection.execute("UPDATE outbox_event SET kind = 'of_tomorrow'")
    await connection.close()

    await tell_due(db, house.ports)

    assert (await row(db))["done_at"] is None
    assert (await row(db))["due_at"] > db.clock.now()
