"""The line to PostgreSQL, cut at the worst moment: the commit is done, and nobody hears of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Line:
    """Passes bytes on both ways; `cut_commit_after` cuts the next connection that commits what it names."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._after: bytes | None = None

    @contextlib.contextmanager
    def cut_commit_after(self, statement: bytes) -> Iterator[None]:
        """Let the next commit after this statement succeed unheard; there must be one.

        It is looked for as text, which goes over a connection once; later it has a name.
        """
        self._after = statement
        yield
        assert self._after is None, "nothing of the kind was committed"

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(self._host, self._port)
        is_cut = asyncio.Event()

        async def ask() -> None:
            is_marked = False
            while content := await client.read(65536):
                is_marked = is_marked or (self._after is not None and self._after in content)
                if is_marked and self._after is not None and b"COMMIT;" in content:
                    self._after = None
                    is_cut.set()
                to_server.write(content)
                await to_server.drain()

        async def answer() -> None:
            while content := await server.read(65536):
                if is_cut.is_set():  # this says that it is done
                    return
                to_client.write(content)
                await to_client.drain()

        ways = [asyncio.create_task(ask()), asyncio.create_task(answer())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        to_client.transport.abort()
        to_server.transport.abort()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[tuple[Line, str]]:
    """Open a line to the server of a database; return it with the address at its near end."""
    far = urlsplit(url)
    line = Line(str(far.hostname), int(far.port or 5432))
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    near = f"{far.netloc.rpartition('@')[0]}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield line, urlunsplit(far._replace(netloc=near))
    server.close()
