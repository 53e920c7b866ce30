"""A database with several hosts is reached whichever of them answers, and one that hangs keeps nobody waiting twice."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url, text

from app.core.db import Database, DatabaseUnavailable, Session
from app.routers.deps import House
from tests import cluster

SECONDS = 20.0
"""Ten for each of two hosts: the one that answers has them on a busy machine too, and the other is waited for once."""


@dataclass
class Hung:
    """A host that takes connections and says nothing."""

    port: int = 0
    connections: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.read()  # until whoever asks has given up
        writer.close()


@pytest.fixture
async def hung() -> AsyncIterator[Hung]:
    host = Hung()
    server = await asyncio.start_server(host.take, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    yield host
    server.close()


def behind(house: House, database: cluster.Database, *ports: int, is_last: bool = True) -> Database:
    """Return a way to other hosts in this order, and to the test's own database last."""
    known = make_url(database.app_url)
    every = [str(port) for port in (*ports, *([known.port] if is_last else []))]
    query = {"host": ",".join(["127.0.0.1"] * len(every)), "port": ",".join(every)}
    url = known.set(host=None, port=None, query=query)
    db = house.db
    return Database(
        url.render_as_string(hide_password=False),
        clock=db.clock,
        vault=db.vault,
        lookup=db.lookup,
        chain=db._chain,
        timeout_seconds=SECONDS,
    )


async def test_a_hung_first_host_is_passed_by_and_not_asked_again(
    house: House, database: cluster.Database, hung: Hung
) -> None:
    db = behind(house, database, hung.port)
    await db.open()

    async def one(session: Session) -> int:
        await session.execute(text("SELECT pg_sleep(0.2)"))
        return int(await session.scalar(text("SELECT 1")) or 0)

    found = await asyncio.gather(*(db.run(one) for _ in range(3)))
    await db.close()

    assert (found, hung.connections) == ([1, 1, 1], 1)


async def test_where_no_host_takes_connections_the_database_is_unavailable(
    house: House, database: cluster.Database
) -> None:
    reserved = [socket.socket() for _ in range(2)]  # bound, and nobody listens
    for each in reserved:
        each.bind(("127.0.0.1", 0))
    db = behind(house, database, *(each.getsockname()[1] for each in reserved), is_last=False)

    with pytest.raises(DatabaseUnavailable):
        await db.open()
    for each in reserved:
        each.close()
    await db.close()
