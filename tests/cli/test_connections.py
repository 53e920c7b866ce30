"""What one connection may take before anybody has said who they are, tried on real sockets."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from app.cli.connections import HEAD_BYTES, HEADERS, Connection
from tests import cluster
from tests.cli.commands import Escard, Running
from tests.factories.servers import serving

MEBIBYTE = 1024 * 1024
GET = b"GET / HTTP/1.1\r\nHost: escard\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: escard\r\nTransfer-Encoding: chunked\r\n\r\n"


class Impatient(Connection):
    """One that waits half a second."""

    patience_seconds = 0.5


async def count_bytes(_: Scope, receive: Receive, send: Send) -> None:
    """Answer with how long the body was."""
    seen, has_more = 0, True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        seen, has_more = seen + len(message.get("body", b"")), message.get("more_body", False)
    body = str(seen).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server with such connections."""
    async with serving(count_bytes, lifespan="off", http=Impatient, limit_concurrency=20) as url:
        yield url


async def told(url: str, *pieces: bytes, pause: float = 0) -> bytes:
    """Send pieces on one connection; return all that is answered until the server hangs up or has been silent."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    answered = b""
    try:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while not answered.endswith(b"\n\r\n") and (part := await reader.read(65536)):
                    answered += part
                    if b" 200 " in answered and not answered.endswith(b"\r\n\r\n"):
                        break
    finally:
        writer.close()
    return answered


def memory_of(running: Running) -> int:
    """Return how many bytes of memory a process has."""
    pages = Path(f"/proc/{running.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


async def until_hung_up(url: str, *pieces: bytes) -> float:
    """Send pieces and wait; return after how many seconds the server hangs up."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    loop = asyncio.get_running_loop()
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.1)
        started = loop.time()
        async with asyncio.timeout(10):
            while await reader.read(65536):
                pass
        return loop.time() - started
    finally:
        writer.close()


class TestSize:
    @pytest.mark.parametrize(
        "head",
        [
            GET + b"X-Long: " + b"x" * (HEAD_BYTES + 1) + b"\r\n\r\n",
            GET + b"X: 1\r\n" * HEADERS + b"\r\n",
            b"GET /" + b"x" * (HEAD_BYTES + 1) + b" HTTP/1.1\r\nHost: escard\r\n\r\n",
        ],
        ids=["a long header", "many headers", "a long address"],
    )
    async def test_a_head_that_is_too_large_is_refused(self, address: str, head: bytes) -> None:
        assert (await told(address, head)).startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize("start", [GET + b"X: ", b"GET /", CHUNKED + b"0\r\nX: "], ids=["header", "url", "trailer"])
    async def test_what_never_ends_is_cut_off_early(self, address: str, start: bytes) -> None:
        _, writer = await asyncio.open_connection(urlsplit(address).hostname, urlsplit(address).port)
        sent = 0
        try:
            writer.write(start)
            with contextlib.suppress(ConnectionError):
                while sent < 64 * MEBIBYTE:
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    sent += 65536
                    await asyncio.sleep(0)
        finally:
            writer.close()

        assert sent < 16 * MEBIBYTE  # what the sockets' own buffers took

    async def test_what_clients_send_is_taken(self, address: str) -> None:
        head = GET + b"Authorization: Bearer " + b"x" * 8000 + b"\r\n" + b"X: 1\r\n" * 60 + b"\r\n"

        assert (await told(address, head)).startswith(b"HTTP/1.1 200 ")
        assert (await told(address, *[head[at : at + 100] for at in range(0, len(head), 100)])).startswith(
            b"HTTP/1.1 200 "
        )

    async def test_a_long_body_is_taken_whole_or_in_small_chunks(self, address: str) -> None:
        length = b"POST / HTTP/1.1\r\nHost: escard\r\nContent-Length: %d\r\n\r\n" % MEBIBYTE
        chunks = b"1\r\nx\r\n" * 50_000

        whole = await told(address, length, *[b"x" * 65536] * 16)
        small = await told(address, CHUNKED, chunks, b"0\r\n\r\n")

        assert whole.endswith(str(MEBIBYTE).encode())
        assert small.endswith(b"50000")


class TestTime:
    @pytest.mark.parametrize(
        "pieces",
        [
            (),
            (GET,),
            (b"POST / HTTP/1.1\r\nHost: escard\r\nContent-Length: 9\r\n\r\n", b"half"),
            (CHUNKED, b"4\r\nhalf\r\n"),
            (GET + b"\r\n", b"\r\n"),
        ],
        ids=["nothing", "half a head", "half a body", "one chunk", "blank lines"],
    )
    async def test_who_sends_no_more_is_not_waited_for(self, address: str, pieces: tuple[bytes, ...]) -> None:
        assert 0.3 < await until_hung_up(address, *pieces) < 4

    async def test_a_head_in_drops_takes_no_longer(self, address: str) -> None:
        drops = [GET, *[b"X: 1\r\n"] * 20]

        assert await told(address, *drops, b"\r\n", pause=0.1) == b""

    async def test_a_body_in_drops_is_taken(self, address: str) -> None:
        drops = [b"1\r\nx\r\n"] * 8

        answered = await told(address, CHUNKED, *drops, b"0\r\n\r\n", pause=0.15)

        assert answered.endswith(b"8")


async def test_of_too_many_connections_some_are_told_and_the_others_end_soon(address: str) -> None:
    idle = [await asyncio.open_connection(urlsplit(address).hostname, urlsplit(address).port) for _ in range(30)]
    crowded = await told(address, GET + b"\r\n")
    for reader, writer in idle:
        await reader.read()
        writer.close()
    free = await told(address, GET + b"\r\n")

    assert crowded.startswith(b"HTTP/1.1 503 ")
    assert free.startswith(b"HTTP/1.1 200 ")


async def test_the_server_has_such_connections(with_keys: Escard, database: cluster.Database) -> None:
    outside: Mapping[str, str] = {"database_url": database.app_url, "owner_database_url": database.owner_url}
    running = with_keys.start("serve", **outside).ready('"ready"')
    before = memory_of(running)
    answered = await told(with_keys.url, GET + b"X: ", *[b"x" * MEBIBYTE] * 96)
    after = memory_of(running)
    running.interrupted()

    assert answered.startswith(b"HTTP/1.1 431 ") or not answered
    assert after - before < 16 * MEBIBYTE
