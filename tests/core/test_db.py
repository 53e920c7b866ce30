"""Units of work: whole or not at all, done again when that helps, and never said to be done when they are not."""

import asyncio

import asyncpg
import httpx
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from app import main
from app.adapters.keys.file import FileKeys
from app.core.db import Database, DatabaseUnavailable, Session, Writer, bucket_of, new_id
from app.core.errors import NotFound
from app.core.settings import Settings
from app.models.accounts import Account, SignedIn
from app.models.throttles import Throttle
from app.routers.deps import House
from tests import cluster
from tests.cluster import Cluster
from tests.factories.callers import SOMEBODY, sign_in
from tests.factories.phone import PASSWORD, Phone
from tests.factories.rows import count
from tests.idempotency.conftest import post_account

ADD = "UPDATE throttle SET used = used + 1 WHERE bucket = $1 AND subject = $2"
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"


async def put(db: Database, *names: str) -> None:
    """Write one row for each name, with nothing used."""

    async def write(session: Session) -> None:
        for name in names:
            row = Throttle(bucket=1, subject=name.encode(), action="test", used=0, resets_at=session.now)
            session.add(row)

    await db.run(write)


async def read(session: Session, name: str) -> int:
    query = select(Throttle.used).where(Throttle.bucket == 1, Throttle.subject == name.encode())
    return (await session.scalars(query)).one()


async def add(session: Session, name: str) -> None:
    query = update(Throttle).where(Throttle.bucket == 1, Throttle.subject == name.encode())
    await session.execute(query.values(used=Throttle.used + 1))


async def until_nobody_is_connected(database: cluster.Database) -> None:
    """Wait until the server has seen all others go."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    watcher = await asyncpg.connect(database.owner_url)
    async with asyncio.timeout(60):
        while await watcher.fetchval(others):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.05)
    await watcher.close()


class TestIds:
    def test_an_id_carries_its_bucket_and_says_that_it_is_of_version_eight(self) -> None:
        for bucket in (0, 1, 4711, 65535):
            made = new_id(bucket)
            assert bucket_of(made) == bucket
            assert (made.version, made.variant) == (8, "specified in RFC 4122")

    def test_no_two_are_equal(self) -> None:
        assert len({new_id(7) for _ in range(1000)}) == 1000


class TestUnitOfWork:
    async def test_an_error_undoes_all_of_it(self, db: Database) -> None:
        await put(db, "a")

        async def refused(session: Session) -> None:
            await add(session, "a")
            raise NotFound

        with pytest.raises(NotFound):
            await db.run(refused)
        assert await db.run(lambda session: read(session, "a")) == 0

    async def test_an_error_of_our_own_is_not_tried_again(self, db: Database) -> None:
        runs = 0

        async def broken(session: Session) -> None:
            nonlocal runs
            runs += 1
            await session.execute(text("SELECT 1 / 0"))

        with pytest.raises(DBAPIError):
            await db.run(broken)
        assert runs == 1

    async def test_of_two_that_lock_each_other_both_are_done(self, db: Database) -> None:
        await put(db, "a", "b")
        both_hold_one = asyncio.Barrier(2)
        runs = 0

        async def work(session: Session, first: str, second: str) -> None:
            nonlocal runs
            runs += 1
            await add(session, first)
            if runs <= 2:
                await both_hold_one.wait()
            await add(session, second)

        await asyncio.gather(
            db.run(lambda session: work(session, "a", "b")), db.run(lambda session: work(session, "b", "a"))
        )

        assert runs == 3
        assert await db.run(lambda session: read(session, "a")) == 2
        assert await db.run(lambda session: read(session, "b")) == 2

    async def test_one_that_could_not_be_put_in_order_is_done_again(self, db: Database) -> None:
        await put(db, "a")
        both_have_read = asyncio.Barrier(2)
        runs = 0

        async def work(session: Session) -> None:
            nonlocal runs
            runs += 1
            await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            seen = await read(session, "a")
            if runs <= 2:
                await both_have_read.wait()
            await session.execute(update(Throttle).values(used=seen + 1))

        await asyncio.gather(db.run(work), db.run(work))

        assert runs == 3
        assert await db.run(lambda session: read(session, "a")) == 2

    async def test_one_whose_connection_was_lost_is_done_again_from_its_start(
        self, db: Database, pg: Cluster, database: cluster.Database
    ) -> None:
        await put(db, "a")
        runs = 0

        async def work(session: Session) -> None:
            nonlocal runs
            runs += 1
            await add(session, "a")
            if runs == 1:
                pg.execute(KILL.format(name=database.name))
            await add(session, "a")

        await db.run(work)

        assert runs == 2
        assert await db.run(lambda session: read(session, "a")) == 2

    async def test_after_three_losses_the_database_is_said_to_be_away(
        self, db: Database, pg: Cluster, database: cluster.Database
    ) -> None:
        runs = 0

        async def work(session: Session) -> None:
            nonlocal runs
            runs += 1
            await session.execute(text("SELECT 1"))
            pg.execute(KILL.format(name=database.name))
            await session.execute(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            await db.run(work)
        assert runs == 3

    async def test_hot_reads_find_their_way_back(self, db: Database, pg: Cluster, database: cluster.Database) -> None:
        await asyncio.gather(*[db.fetch("SELECT pg_sleep(0.02)") for _ in range(5)])

        pg.execute(KILL.format(name=database.name))

        assert [dict(row) for row in await db.fetch("SELECT 1 AS one")] == [{"one": 1}]

    async def test_a_read_lost_on_its_way_is_sent_once_more(
        self, db: Database, pg: Cluster, database: cluster.Database
    ) -> None:
        slow = asyncio.create_task(db.fetch("SELECT pg_sleep(0.5), 1 AS one"))
        await asyncio.sleep(0.2)

        pg.execute(KILL.format(name=database.name))

        assert [row["one"] for row in await slow] == [1]


class TestByHand:
    """Units of work that are written statement by statement keep the same promises."""

    async def test_an_error_undoes_all_of_it(self, db: Database) -> None:
        await put(db, "a")

        async def work(writer: Writer) -> None:
            await writer.rows(ADD, 1, b"a")
            raise NotFound

        with pytest.raises(NotFound):
            await db.write(work)
        assert await db.run(lambda session: read(session, "a")) == 0

    async def test_one_whose_connection_was_lost_is_done_again_from_its_start(
        self, db: Database, pg: Cluster, database: cluster.Database
    ) -> None:
        await put(db, "a")
        runs = 0

        async def work(writer: Writer) -> str:
            nonlocal runs
            runs += 1
            await writer.rows(ADD, 1, b"a")
            if runs == 1:
                pg.execute(KILL.format(name=database.name))
            await writer.rows(ADD, 1, b"a")
            return "done"

        assert await db.write(work) == "done"
        assert runs == 2
        assert await db.run(lambda session: read(session, "a")) == 2

    async def test_of_two_that_lock_each_other_both_are_done(self, db: Database) -> None:
        await put(db, "a", "b")
        both_hold_one = asyncio.Barrier(2)
        runs = 0

        async def work(writer: Writer, first: bytes, second: bytes) -> None:
            nonlocal runs
            runs += 1
            await writer.rows(ADD, 1, first)
            if runs <= 2:
                await both_hold_one.wait()
            await writer.rows(ADD, 1, second)

        await asyncio.gather(
            db.write(lambda writer: work(writer, b"a", b"b")), db.write(lambda writer: work(writer, b"b", b"a"))
        )

        assert runs == 3
        assert await db.run(lambda session: read(session, "a")) == 2

    async def test_after_three_losses_the_database_is_said_to_be_away(
        self, db: Database, pg: Cluster, database: cluster.Database
    ) -> None:
        runs = 0

        async def work(writer: Writer) -> None:
            nonlocal runs
            runs += 1
            pg.execute(KILL.format(name=database.name))
            await writer.rows("SELECT 1")

        with pytest.raises(DatabaseUnavailable):
            await db.write(work)
        assert runs == 3

    async def test_what_is_wrong_with_a_statement_is_not_tried_again(self, db: Database) -> None:
        runs = 0

        async def work(writer: Writer) -> None:
            nonlocal runs
            runs += 1
            await writer.rows("SELECT 1 / 0")

        with pytest.raises(asyncpg.DivisionByZeroError):
            await db.write(work)
        assert runs == 1


class TestLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"database_connections": 2, "database_timeout_seconds": 2})

    async def test_when_every_connection_is_taken_the_next_is_told_to_come_again(self, db: Database) -> None:
        done = asyncio.Event()

        async def hold(session: Session) -> None:
            await session.execute(text("SELECT 1"))
            await done.wait()

        holding = [asyncio.create_task(db.run(hold)) for _ in range(2)]
        await asyncio.sleep(0.1)

        with pytest.raises(DatabaseUnavailable) as refused:
            await db.run(lambda session: session.execute(text("SELECT 1")))
        done.set()
        await asyncio.gather(*holding)

        assert refused.value.retry_after_seconds == 5

    async def test_a_statement_that_takes_too_long_is_given_up_once(self, db: Database) -> None:
        runs = 0

        async def slow(session: Session) -> None:
            nonlocal runs
            runs += 1
            await session.execute(text("SELECT pg_sleep(60)"))

        with pytest.raises(DatabaseUnavailable):
            await db.run(slow)
        with pytest.raises(DatabaseUnavailable):
            await db.fetch("SELECT pg_sleep(60)")
        with pytest.raises(DatabaseUnavailable):
            await db.write(lambda writer: writer.rows("SELECT pg_sleep(60)"))
        assert runs == 1
        assert await db.fetch("SELECT 1")


class TestClosing:
    async def test_the_connection_of_a_unit_in_hand_is_closed_when_it_ends(
        self, house: House, database: cluster.Database
    ) -> None:
        begun, done = asyncio.Event(), asyncio.Event()

        async def hold(session: Session) -> None:
            await session.execute(text("SELECT 1"))
            begun.set()
            await done.wait()

        holding = asyncio.create_task(house.db.run(hold))
        await begun.wait()
        closing = asyncio.create_task(house.db.close())
        early, _ = await asyncio.wait({closing}, timeout=0.5)
        done.set()
        await asyncio.gather(holding, closing)

        assert not early
        await until_nobody_is_connected(database)


class TestNoDatabase:
    async def test_a_server_without_its_database_does_not_open(
        self, settings: Settings, database: cluster.Database, keys: FileKeys
    ) -> None:
        for url in (database.app_url.replace(database.name, "nowhere"), "postgresql://a:b@127.0.0.1:1/c"):
            house = main.build(settings, url, keys=keys)
            with pytest.raises(DatabaseUnavailable):
                await house.db.open()
            for close in house.closing:
                await close()

    async def test_while_it_is_away_people_are_told_when_to_come_again(
        self, client: httpx.AsyncClient, house: House, pg: Cluster, database: cluster.Database
    ) -> None:
        phone = Phone(client, house, SOMEBODY)
        await phone.register()
        pg.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0", KILL.format(name=database.name))

        away = [await phone.call("GET", "/v1/me"), await phone.call("GET", "/v1/sessions"), await client.get("/readyz")]
        pg.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT -1")
        back = await phone.call("GET", "/v1/me")

        assert [(each.status_code, each.json()["code"]) for each in away] == [(503, "unavailable")] * 3
        assert {each.headers["retry-after"] for each in away} == {"5"}
        assert back.status_code == 200


class TestCommit:
    """What the database refuses at the very end was not done, and nobody is told that it was."""

    FAIL = """
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'refused at the end' USING ERRCODE = '{state}'; END IF;
      RETURN NULL;
    END $$;
    CREATE SEQUENCE failures;
    GRANT USAGE ON SEQUENCE failures TO escard_app;
    CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON session DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION fail();
    """

    @pytest.fixture
    def phone(self, client: httpx.AsyncClient, house: House) -> Phone:
        return Phone(client, house, SOMEBODY)

    async def fail(self, database: cluster.Database, *, times: int, state: str) -> None:
        owner = await asyncpg.connect(database.owner_url)
        await owner.execute(self.FAIL.format(times=times, state=state))
        await owner.close()

    async def test_a_commit_that_fails_is_no_success(self, phone: Phone, database: cluster.Database) -> None:
        code = await phone.sms_code("register")
        await self.fail(database, times=1, state="23514")

        refused = await post_account(phone, "commit-1234", sms_code=code)
        again = await post_account(phone, "commit-1234", sms_code=code)

        assert (refused.status_code, refused.json()["code"]) == (500, "internal-error")
        assert (again.status_code, again.headers.get("idempotency-replayed")) == (201, None)
        assert await count(phone.house.db, Account) == 1

    async def test_one_that_fails_for_a_passing_reason_is_done_again(
        self, phone: Phone, database: cluster.Database
    ) -> None:
        code = await phone.sms_code("register")
        await self.fail(database, times=2, state="40001")

        answer = await post_account(phone, "commit-1234", sms_code=code)

        assert answer.status_code == 201
        assert await count(phone.house.db, Account) == 1
        assert await count(phone.house.db, SignedIn) == 1

    async def test_one_that_keeps_failing_is_no_success_and_nothing_stays(
        self, phone: Phone, database: cluster.Database
    ) -> None:
        await phone.register()
        await self.fail(database, times=3, state="40001")

        refused = await sign_in(phone, password=PASSWORD)

        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert await count(phone.house.db, SignedIn) == 1
        assert (await sign_in(phone, password=PASSWORD)).status_code == 201
