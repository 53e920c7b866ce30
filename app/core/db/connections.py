"""Opens connections to PostgreSQL, on whichever of its hosts answers, and keeps those for hot reads."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg
from sqlalchemy import URL, make_url

T = TypeVar("T")

GONE: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it was lost in the very moment that we spoke
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""A connection was lost, or could not be had."""


class Connector:
    """Opens connections to a database; where it has several hosts, to the one that takes writes.

    Each host has its share of the time, and the last good one comes first: one that hangs keeps nobody waiting twice.
    asyncpg's own way through several hosts begins with the first one again each time.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        parsed = make_url(url).set(drivername="postgresql")
        self._hosts = _hosts(parsed)
        self._url = parsed.difference_update_query(["host", "port"]).render_as_string(hide_password=False)
        self._timeout_seconds = timeout_seconds
        self._good = 0

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InternalClientError: no host lets us in, and why the last did not.
        """
        first, count = self._good, len(self._hosts)
        for place in range(count - 1):
            number = (first + place) % count
            try:
                return await self._connect(number)
            except GONE:
                continue
        return await self._connect((first + count - 1) % count)

    async def _connect(self, number: int) -> "asyncpg.Connection[asyncpg.Record]":
        host, port = self._hosts[number]
        connection = await asyncpg.connect(
            self._url,
            host=host,
            port=port,
            timeout=self._timeout_seconds / len(self._hosts),
            command_timeout=self._timeout_seconds,
            target_session_attrs="primary" if len(self._hosts) > 1 else None,
        )
        self._good = number
        return connection


def _hosts(url: URL) -> list[tuple[str | None, int | None]]:
    """Return the hosts of an address: its only one, or those of `?host=one,two&port=5432,5433` (libpq, 34.1.1.3)."""
    named = url.query.get("host")
    if not isinstance(named, str):
        return [(url.host, url.port)]
    hosts, ports = named.split(","), str(url.query.get("port", url.port or 5432)).split(",")
    return [(host, int(ports[place] if len(ports) > 1 else ports[0])) for place, host in enumerate(hosts)]


class Readers:
    """Connections for hot reads, each statement in a transaction of its own, and for units of work by hand.

    asyncpg's pool puts a connection back in a task of its own, with a time limit around it: half of what the read
    itself costs us. There is nothing to put back here, so a list and a semaphore do.
    """

    def __init__(self, connector: Connector, *, most: int) -> None:
        self._connector = connector
        self._room = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection[asyncpg.Record]] = []
        self._is_closed = False

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement on an idle connection, or on a new one."""

        async def read(connection: "asyncpg.Connection[asyncpg.Record]") -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows

        return await self.use(read)

    async def use(self, work: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[T]]") -> T:
        """Do some work on an idle connection, or on a new one."""
        async with self._room:
            connection = self._take() or await self._connector.connect()
            try:
                done = await work(connection)
            except BaseException:  # broken, or given up while it waits for an answer: nobody else may read that
                connection.terminate()
                raise
            if self._is_closed:
                connection.terminate()
            else:
                self._idle.append(connection)
            return done

    def forget_idle(self) -> None:
        """Drop what is idle: where one connection was lost, the others were too, and may not know it yet."""
        while self._idle:
            self._idle.pop().terminate()

    async def close(self) -> None:
        """Close what is idle now, and what is in use once it is put back."""
        self._is_closed = True
        while self._idle:
            await self._idle.pop().close()

    def _take(self) -> "asyncpg.Connection[asyncpg.Record] | None":
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None
