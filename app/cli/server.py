"""The server process: uvicorn, told how to stop without losing anybody's request."""

import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import uvicorn

from app.cli import stopping
from app.cli.connections import Connection, most_connections
from app.core import logging
from app.main import create_app
from app.routers.deps import House

_GRACE_SECONDS: Final = 10
_log = logging.logger(__name__)


class Server(uvicorn.Server):
    """Serves a house until the first SIGINT or SIGTERM, then drains; a second one cuts it short."""

    def __init__(
        self, house: House, *, on_ready: Callable[[], None], every_second: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(house),
                loop="uvloop",
                http=Connection,
                limit_concurrency=most_connections(),
                ws="none",
                lifespan="on",
                log_config=None,  # ours: one JSON line an event
                access_log=False,
                server_header=False,
                proxy_headers=False,  # the edge reads them, and only from proxies that are trusted
                timeout_graceful_shutdown=_GRACE_SECONDS,
                callback_notify=every_second,
                timeout_notify=1,
            )
        )
        self._house = house
        self._on_ready = on_ready

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, unless that is not wished any more."""
        stopping.heed()
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the house and its door, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let those who wait for a change go at once, and everybody else end."""
        self._house.stopping.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while serving, and do not raise them again as uvicorn does: more is to be stopped after."""
        with stopping.meaning(self.handle_exit):
            yield
