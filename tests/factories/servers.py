"""Servers on loopback, in the event loop of the test that wants them."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody speaks it on loopback, and reading the world's roots is slow


def loopback_client(timeout_seconds: float = 20) -> httpx.AsyncClient:
    """Make a client for servers on loopback."""
    return httpx.AsyncClient(timeout=timeout_seconds, verify=_NO_TLS, trust_env=False)


class Lost(Response):
    """An answer that is lost on its way: the connection ends before it has arrived, and nobody waits for it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the test run."""
        yield


@asynccontextmanager
async def serving(app: ASGIApp, *, lifespan: str = "on", **more: Any) -> AsyncIterator[str]:
    """Serve an application on a port that is free; return its address."""
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        ws="none",
        lifespan=lifespan,  # type: ignore[arg-type] # a text is as good
        timeout_graceful_shutdown=2,
        **more,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not running.done(), "the server does not start"
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
