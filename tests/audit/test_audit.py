"""The audit: chained in each home, whole under a crowd of writers, and out of the server's own reach."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from app.adapters.postgres.founding import SUPERUSER
from app.core.db import Database, Session, bucket_of
from app.ports.storage import ObjectStore
from app.routers.deps import House
from app.services import audit, audit_heads
from app.services.audit import Action, Break
from tests import cluster
from tests.cluster import Cluster
from tests.factories.make import Make

Tamper = Callable[..., Awaitable[None]]


@pytest.fixture
async def home(make: Make, db: Database) -> UUID:
    """Somebody's home, with six events: their making, and five looks at their card."""
    person = await make.person()
    for _ in range(5):
        await db.run(partial(write, person.id))
    return person.id


@pytest.fixture
def store(house: House) -> ObjectStore:
    """Where the ends of chains are signed."""
    return house.ports.store


@pytest.fixture
def tamper(pg: Cluster, database: cluster.Database) -> Tamper:
    """The hands of somebody whom the database lets do everything."""

    async def hands(statement: str, *arguments: object) -> None:
        connection = await asyncpg.connect(pg.url(SUPERUSER, database.name))
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    return hands


async def write(home_id: UUID, session: Session) -> None:
    await audit.record(session, Action.CARD_SEEN, home_id=home_id, actor=audit.SYSTEM, facts={"channel": "app"})


async def broken(db: Database, home_id: UUID) -> Break | None:
    return await db.run(lambda session: audit.verify(session, home_id))


class TestAChain:
    async def test_holds_as_it_was_written(self, db: Database, home: UUID) -> None:
        assert await broken(db, home) is None

    @pytest.mark.parametrize(
        "change",
        [
            "action = 'card.issued'",
            "at = at + interval '1 second'",
            "actor_kind = 'operator'",
            "on_behalf_of = home_id",
            "request_id = 'another'",
            """facts = '{"channel": "bank"}'""",
            "mac = decode(repeat('00', 32), 'hex')",
        ],
    )
    async def test_a_changed_event_is_found(self, change: str, db: Database, home: UUID, tamper: Tamper) -> None:
        await tamper(f"UPDATE audit_event SET {change} WHERE home_id = $1 AND seq = 3", home)  # noqa: S608 - ours, above

        assert await broken(db, home) == Break(home, 3)

    async def test_a_removed_event_is_found(self, db: Database, home: UUID, tamper: Tamper) -> None:
        await tamper("DELETE FROM audit_event WHERE home_id = $1 AND seq = 4", home)

        assert await broken(db, home) == Break(home, 4)

    async def test_events_that_change_places_are_found(self, db: Database, home: UUID, tamper: Tamper) -> None:
        await tamper("UPDATE audit_event SET seq = 100 WHERE home_id = $1 AND seq = 2", home)
        await tamper("UPDATE audit_event SET seq = 2 WHERE home_id = $1 AND seq = 3", home)
        await tamper("UPDATE audit_event SET seq = 3 WHERE home_id = $1 AND seq = 100", home)

        assert await broken(db, home) == Break(home, 2)

    async def test_the_head_misses_newest_events_that_are_cut_off(
        self, db: Database, home: UUID, tamper: Tamper
    ) -> None:
        await tamper("DELETE FROM audit_event WHERE home_id = $1 AND seq > 4", home)

        assert await broken(db, home) == Break(home, 5)

    async def test_an_event_of_one_home_does_not_pass_in_another(
        self, db: Database, home: UUID, make: Make, tamper: Tamper
    ) -> None:
        other = (await make.person()).id
        await tamper(
            "UPDATE audit_event SET home_id = $2, bucket = $3, seq = 2 WHERE home_id = $1 AND seq = 2",
            home,
            other,
            bucket_of(other),
        )
        await tamper("UPDATE audit_head SET seq = 2 WHERE home_id = $1", other)

        assert await broken(db, other) == Break(other, 2)


class TestTheServersRole:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_event SET action = 'nothing'",
            "DELETE FROM audit_event",
            "TRUNCATE audit_event",
            "DELETE FROM audit_head",
            "ALTER TABLE audit_event DISABLE TRIGGER ALL",
            "DROP TABLE audit_event",
        ],
    )
    async def test_cannot_change_or_remove_what_was_written(
        self, statement: str, home: UUID, db: Database, database: cluster.Database
    ) -> None:
        connection = await asyncpg.connect(database.app_url)

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)

        await connection.close()
        assert await broken(db, home) is None


class TestACrowd:
    async def test_fifty_writers_make_no_fork(self, db: Database, home: UUID) -> None:
        await asyncio.gather(*(db.run(partial(write, home)) for _ in range(50)))

        rows = await db.fetch("SELECT seq FROM audit_event WHERE home_id = $1 ORDER BY seq", home)

        assert [row["seq"] for row in rows] == list(range(1, 57))
        assert await broken(db, home) is None

    async def test_what_is_undone_leaves_no_gap(self, db: Database, home: UUID) -> None:
        async def fail(session: Session) -> None:
            await write(home, session)
            raise LookupError

        with pytest.raises(LookupError):
            await db.run(fail)
        await db.run(partial(write, home))

        assert await broken(db, home) is None


class TestSignedEnds:
    async def test_everything_holds(self, db: Database, home: UUID, store: ObjectStore) -> None:
        signed = await audit_heads.sign_changed(db, store)

        report = await audit_heads.check(db, store)

        assert report.is_whole
        assert (signed, report.chains, report.signed) == (1, 1, 1)

    async def test_what_has_not_moved_is_not_signed_again(self, db: Database, home: UUID, store: ObjectStore) -> None:
        await audit_heads.sign_changed(db, store)
        again = await audit_heads.sign_changed(db, store)
        await db.run(partial(write, home))
        moved = await audit_heads.sign_changed(db, store)

        assert (again, moved) == (0, 1)
        assert len([entry async for entry in store.list(audit_heads.FOLDER)]) == 2

    async def test_events_cut_off_together_with_their_head_show(
        self, db: Database, home: UUID, store: ObjectStore, tamper: Tamper
    ) -> None:
        await audit_heads.sign_changed(db, store)
        await cut_at(4, home, tamper)

        assert await broken(db, home) is None  # the database alone tells nothing
        assert (await audit_heads.check(db, store)).breaks == (Break(home, 6),)

    async def test_a_tail_written_anew_shows(
        self, db: Database, home: UUID, store: ObjectStore, tamper: Tamper
    ) -> None:
        await audit_heads.sign_changed(db, store)
        await cut_at(4, home, tamper)
        for _ in range(5):
            await db.run(partial(write, home))

        assert await broken(db, home) is None
        assert (await audit_heads.check(db, store)).breaks == (Break(home, 6),)

    async def test_a_home_without_a_head_shows(
        self, db: Database, home: UUID, store: ObjectStore, tamper: Tamper
    ) -> None:
        await tamper("DELETE FROM audit_event")
        await tamper("DELETE FROM audit_head")

        assert (await audit_heads.check(db, store)).breaks == (Break(home, 1),)

    async def test_ends_that_somebody_else_has_signed_show(self, db: Database, home: UUID, store: ObjectStore) -> None:
        await audit_heads.sign_changed(db, store)
        (entry,) = [entry async for entry in store.list(audit_heads.FOLDER)]
        content = await store.get(entry.key)
        await store.put(f"{audit_heads.FOLDER}/1.json", content.replace(b",6,", b",7,"))
        await store.put(f"{audit_heads.FOLDER}/2.json", b"nothing of ours")
        await store.put(f"{audit_heads.FOLDER}/3.json", b"[]")

        report = await audit_heads.check(db, store)

        assert sorted(report.forged) == [f"{audit_heads.FOLDER}/{number}.json" for number in (1, 2, 3)]
        assert not report.is_whole


async def cut_at(seq: int, home: UUID, tamper: Tamper) -> None:
    """Do what somebody with the whole database in their hands would do."""
    await tamper("DELETE FROM audit_event WHERE home_id = $1 AND seq > $2", home, seq)
    await tamper(
        "UPDATE audit_head SET seq = $2, signed_seq = 0,"
        " mac = (SELECT mac FROM audit_event WHERE home_id = $1 AND seq = $2) WHERE home_id = $1",
        home,
        seq,
    )
