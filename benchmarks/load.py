"""A small load generator: some connections kept alive, each with one request under way at a time."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import httptools


class WrongAnswer(Exception):
    """A server answered something else than 200; what was measured is worth nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was seen: answers, seconds, and the time each answer took, in order of size."""

    answers: int
    seconds: float
    latencies: Sequence[float]

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds that this share of the answers kept below."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last answer is whole, until the time is over."""

    def __init__(self, requests: Iterator[bytes], until: float, latencies: list[float]) -> None:
        self._requests = requests
        self._until = until
        self._latencies = latencies
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from asyncio's
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or WrongAnswer("the connection was closed"))

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        if self._parser.get_status_code() != 200:
            self.done.set_exception(WrongAnswer(f"status {self._parser.get_status_code()}"))
            self._transport.close()
            return
        self._latencies.append(now - self._sent_at)
        if now >= self._until:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


async def drive(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Ask in turn for all of `requests`, over and over, for some seconds.

    Raises:
        WrongAnswer: any answer was not 200.
    """
    endless = itertools.cycle(requests)
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(endless, started + seconds, latencies), "127.0.0.1", port)
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(protocol.done for _, protocol in opened))
    took = time.perf_counter() - started
    return Load(len(latencies), took, sorted(latencies))
