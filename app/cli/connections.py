"""One connection takes little memory and little time: before a request is whole, nobody has said who they are."""

import asyncio
import resource
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 32 * 1024
HEADERS: Final = 100
_MOST_CONNECTIONS: Final = 4000
_OTHER_FILES: Final = 256  # what the process has open besides: database, object store, files
_TO_SAY_SO: Final = 100  # connections more, that are told that there are too many
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def most_connections() -> int:
    """Return how many connections a process holds: fewer than the files that it may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if soft < 0 else max(1, min(_MOST_CONNECTIONS, soft - _OTHER_FILES))


class TooLarge(Exception):
    """A request's head is larger than any client of ours sends."""


class Connection(HttpToolsProtocol):
    """uvicorn's, which by itself takes heads of any size and waits for ever.

    The parser gathers a header until it ends, and tells nobody: bytes are counted as they come, from read to read, as
    long as nothing else comes of them. A trailer after a body is counted so too.
    """

    patience_seconds = 15.0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._gathered = self._read = 0
        self._has_come_on = False
        self._is_too_large = False
        self._is_whole = False
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin; with far too many, end at once."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency + _TO_SAY_SO:
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as far as that is reasonable."""
        if self.transport.is_closing():
            return
        self._has_come_on, self._read = False, len(data)
        super().data_received(data)
        self._gathered = 0 if self._has_come_on else self._gathered + len(data)
        if self._gathered > HEAD_BYTES and not self.transport.is_closing():
            self._refuse()
        elif self._has_come_on:  # each piece of a body may take as long as the head
            self._stop_waiting()
            if not self._is_whole:
                self._wait()
        elif self._giving_up is None:  # something comes after a request that was whole
            self._wait()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._has_come_on, self._is_whole = True, False

    def on_headers_complete(self) -> None:
        """Begin to answer.

        Raises:
            TooLarge: there are too many headers, or the last reads held a head that is too large, whole.
        """
        if len(self.headers) > HEADERS or (self._gathered + self._read > HEAD_BYTES and self._head > HEAD_BYTES):
            self._is_too_large = True
            raise TooLarge
        super().on_headers_complete()
        self._has_come_on = True

    def on_chunk_header(self) -> None:
        """See a body go on."""
        self._has_come_on = True

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        super().on_body(body)
        self._has_come_on = True

    def on_message_complete(self) -> None:
        """Have it all: however long the answer takes, the client is not to blame."""
        super().on_message_complete()
        self._is_whole = self._has_come_on = True

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too large a one."""
        if self._is_too_large:
            self._refuse()
        else:
            super().send_400_response(msg)

    @property
    def _head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse(self) -> None:
        self.transport.write(_TOO_LARGE)
        self.transport.close()

    def _wait(self) -> None:
        self._giving_up = self.loop.call_later(self.patience_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _give_up(self) -> None:
        """Hang up on who has sent nothing for so long, unless it is we who do not read."""
        has_asked = self.cycle is not None and self.cycle.waiting_for_100_continue
        if self.flow.read_paused or has_asked:
            self._wait()
        else:
            self.transport.close()
