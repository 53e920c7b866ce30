"""The way to PostgreSQL: ids that route themselves, units of work that can be run again, and one-trip hot reads."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final, TypeVar, cast
from uuid import UUID

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import QueuePool

from app.core.clock import Clock
from app.core.db.connections import GONE, Connector, Readers
from app.core.errors import Unavailable
from app.core.sealing import Chain, Lookup, Vault

BUCKETS = 65536
T = TypeVar("T")

_TRIES = 3
# A serialization failure, a deadlock, a lock not to be had, no connection free, a lost connection, a server going down
# or failing over.
_PASSING = ("40001", "40P01", "55P03", "53300")
_LOST = ("08", "57P0")

_LAST_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 0.01


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""


def new_id(bucket: int) -> UUID:
    """Return a new id (UUIDv8, RFC 9562 §5.8) whose first two bytes are the bucket, so that any id routes itself."""
    return _version_eight(bucket.to_bytes(2) + os.urandom(14))


def named_id(name: str) -> UUID:
    """Return the id that follows from a name for ever: for what is ours, and has no home (UUIDv8, RFC 9562 §5.8)."""
    return _version_eight(hashlib.sha256(name.encode()).digest()[:16])


def bucket_of(identity: UUID) -> int:
    """Return the bucket (0..65535) that an id carries."""
    return int.from_bytes(identity.bytes[:2])


class Session(AsyncSession):
    """One unit of work: the ORM session, the moment it began at, and the keys to what is sealed.

    Nothing in a unit of work asks the time twice, so its rows agree with each other.
    """

    now: datetime
    vault: Vault
    lookup: Lookup
    chain: Chain


Work = Callable[[Session], Awaitable[T]]


HOT: Final[list[str]] = []
"""The statements that `hot` has marked; tests look at their plans."""


def hot(statement: str) -> str:
    """Mark a statement that runs all day: it reads, or locks what it reads, in one shard; its bucket is `$1`."""
    HOT.append(statement)
    return statement


class Writer:
    """One unit of work by hand, for what is done all day: statements as they are, the moment, and the keys."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", db: "Database", chain: Chain) -> None:
        self._connection = connection
        self.now = db.clock.now()
        self.vault = db.vault
        self.lookup = db.lookup
        self.chain = chain

    async def rows(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement and return what it brings."""
        rows: list[asyncpg.Record] = await self._connection.fetch(statement, *arguments)
        return rows


class Database:
    """Connections of one process: an engine for units of work and connections for hot reads."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        vault: Vault,
        lookup: Lookup,
        chain: Chain,
        connections: int = 8,
        timeout_seconds: float = 10,
    ) -> None:
        connector = Connector(url, timeout_seconds=timeout_seconds)
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg", query={}),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=timeout_seconds,
            async_creator=connector.connect,
        )
        self._readers = Readers(connector, most=connections)
        self.clock = clock
        self.vault = vault
        self.lookup = lookup
        self._chain = chain

    @property
    def engine(self) -> AsyncEngine:
        """The engine of the units of work: what is cached of this database is kept under it."""
        return self._engine

    async def open(self) -> None:
        """Make sure that the database answers.

        Raises:
            DatabaseUnavailable: it does not, or does not let us in.
        """
        try:
            await self.fetch("SELECT 1")
        except asyncpg.PostgresError as error:
            raise DatabaseUnavailable from error

    async def close(self) -> None:
        """Give every connection back, once the units of work that are in hand have ended, or some seconds later."""
        await self._readers.close()
        pool = cast(QueuePool, self._engine.pool)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                # What comes back to a pool that was disposed of is never closed.
                while pool.checkedout():  # noqa: ASYNC110 - the pool says nothing when one comes back
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Open one unit of work; it is committed at the end and undone by any exception."""
        async with Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.now, session.vault, session.lookup, session.chain = (
                self.clock.now(),
                self.vault,
                self.lookup,
                self._chain,
            )
            yield session

    async def run(self, work: Work[T]) -> T:
        """Do a whole unit of work, again from its start when it failed for a passing reason.

        A commit can succeed unheard, so `work` must be harmless when done twice.

        Raises:
            DatabaseUnavailable: it failed three times for a passing reason, or took too long.
        """
        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                async with self.transaction() as session:
                    return await work(session)
            except (TimeoutError, NoConnectionFree) as error:
                raise DatabaseUnavailable(retry_after_seconds=5) from error
            except (DBAPIError, OSError) as error:
                if not _is_passing(error):
                    raise
                if not tries_left:
                    raise DatabaseUnavailable(retry_after_seconds=5) from error

    async def write(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Do a whole unit of work by hand, again from its start when it failed for a passing reason; as `run` does.

        What is refused is returned and not raised: an exception costs the connection.

        Raises:
            DatabaseUnavailable: it failed three times for a passing reason, or took too long.
        """

        async def unit(connection: "asyncpg.Connection[asyncpg.Record]") -> T:
            async with connection.transaction():
                return await work(Writer(connection, self, self._chain))

        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                return await self._readers.use(unit)
            except TimeoutError as error:
                raise DatabaseUnavailable(retry_after_seconds=5) from error
            except (*GONE, asyncpg.PostgresError) as error:
                if not isinstance(error, GONE) and not _is_passing_state(error):
                    raise
                self._readers.forget_idle()
                if not tries_left:
                    raise DatabaseUnavailable(retry_after_seconds=5) from error

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run one hot read outside any transaction: one trip to the server, and another when the first was lost.

        Raises:
            DatabaseUnavailable: no connection could be made, it was lost twice, or the answer takes too long.
        """
        try:
            return await self._readers.fetch(statement, *arguments)
        except TimeoutError as error:
            raise DatabaseUnavailable(retry_after_seconds=5) from error
        except GONE:
            self._readers.forget_idle()
            return await self._fetch_again(statement, *arguments)

    async def _fetch_again(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            return await self._readers.fetch(statement, *arguments)
        except GONE as error:
            raise DatabaseUnavailable(retry_after_seconds=5) from error


def _is_passing(error: DBAPIError | OSError) -> bool:
    if isinstance(error, OSError):
        return True
    return error.connection_invalidated or _is_passing_state(error.orig)


def _is_passing_state(error: BaseException | None) -> bool:
    state = str(getattr(error, "sqlstate", "") or "")
    return state in _PASSING or state.startswith(_LOST)


def _version_eight(content: bytes) -> UUID:
    raw = bytearray(content)
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))
