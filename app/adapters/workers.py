"""Work done by other processes: a bad piece of it may take one of them down, never the server.

The limits hold against accidents and bombs. They are no jail: whoever breaks a decoder open is stopped by the account
and the container that the server runs in.
"""

import asyncio
import math
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

Outcome = TypeVar("Outcome")


class WorkersBusy(Exception):
    """The queue is full or does not move. Nothing is wrong with the work."""


class WorkTooLong(Exception):
    """The work took more processor time than it may."""


class WorkKills(Exception):
    """Two workers in a row died of this work."""


def enter(_function: Callable[..., object], niceness: int, memory_bytes: int) -> None:
    """Give up what the work does not need; called once, when a worker starts.

    The function comes along so that all it imports is there by now: of such niceness that alone would take longer on a
    busy machine than anybody waits.
    """
    os.nice(niceness)
    # The pool's own handler would wait until a library written in C comes back to Python.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _lower(resource.RLIMIT_AS, memory_bytes)
    # A library that crashes would leave somebody's document on the disk.
    _lower(resource.RLIMIT_CORE, 0)


def limit_processor_time(seconds: int) -> None:
    """End this process by SIGXCPU when the work that begins now takes more processor time.

    Processor time and not the clock: a machine under load is no fault of the work. The kernel keeps the limit even
    when the server that asked is gone.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))


class WorkerPool(Generic[Outcome]):
    """Processes that call one function, started with the first piece of work.

    `waiting` pieces may be in hand at once, those in work included. `patience_seconds` is how long one of them waits
    for its end. After `tasks_per_worker` pieces a worker ends and another takes its place: libraries leak.

    One instance may serve several event loops in turn, as tests do.
    """

    def __init__(
        self,
        function: Callable[..., Outcome],
        *,
        workers: int,
        waiting: int,
        patience_seconds: float,
        niceness: int,
        memory_bytes: int,
        tasks_per_worker: int = 500,
    ) -> None:
        self._function = function
        self._workers = workers
        self._waiting = waiting
        self._patience_seconds = patience_seconds
        self._tasks_per_worker = tasks_per_worker
        self._limits = (niceness, memory_bytes)
        self._pool: ProcessPool | None = None
        self._in_hand: set[Future[Outcome]] = set()
        self._last_answer = 0.0

    async def run(self, *args: object) -> Outcome:
        """Have a worker call the function.

        Raises:
            WorkersBusy, WorkTooLong, WorkKills.
        """
        try:
            return await self._answer(args)
        except ProcessExpired as expired:
            if expired.exitcode == -signal.SIGXCPU:
                raise WorkTooLong from None
        except BrokenProcessPool:
            # A worker died with nothing in its hands, and the pool gave up: the next try makes another.
            pass
        # The worker may have been killed for another's sake; work that kills two in a row is at fault itself.
        try:
            return await self._answer(args)
        except ProcessExpired:
            raise WorkKills from None
        except BrokenProcessPool as error:
            raise WorkersBusy from error

    async def close(self) -> None:
        """End the workers. What is still waiting fails."""
        if self._pool is not None:
            await self._end(self._pool)

    async def _answer(self, args: tuple[object, ...]) -> Outcome:
        if len(self._in_hand) >= self._waiting:
            raise WorkersBusy
        pool = await self._running_pool()
        future: Future[Outcome] = pool.schedule(self._function, args=args)
        self._in_hand.add(future)
        try:
            answer = asyncio.wrap_future(future)
            await asyncio.wait({answer}, timeout=self._patience_seconds)
            if answer.done() and not answer.cancelled():
                self._last_answer = time.monotonic()
                return answer.result()
            has_started = future.running()
        finally:
            self._in_hand.discard(future)
            # Whoever asked has gone or lost patience: the pool stops the worker that is still at it.
            future.cancel()
        if not has_started and time.monotonic() - self._last_answer > self._patience_seconds:
            # Nothing at all has moved: a worker that was killed while it took a task keeps the queue locked.
            await self._end(pool)
        raise WorkersBusy

    async def _running_pool(self) -> ProcessPool:
        if self._pool is not None and not self._pool.active:
            await self._end(self._pool)
        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=self._workers,
                max_tasks=self._tasks_per_worker,
                initializer=enter,
                initargs=(self._function, *self._limits),
                context=multiprocessing.get_context("spawn"),
            )
        return self._pool

    async def _end(self, pool: ProcessPool) -> None:
        if self._pool is not pool:
            return
        self._pool = None
        # The pool would leave them waiting for ever.
        for future in tuple(self._in_hand):
            future.cancel()
        pool.stop()  # type: ignore[no-untyped-call]  # pebble annotates only what takes arguments
        await asyncio.to_thread(pool.join)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (lowered, lowered))
