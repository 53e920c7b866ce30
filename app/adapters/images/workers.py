"""Image work done by other processes: a bad file may take one of them down, never the server."""

import asyncio
import multiprocessing
import re
import signal
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeAlias

from pebble import ProcessExpired, ProcessPool

from app.adapters.images import worker
from app.adapters.images.signatures import image_type
from app.ports.images import ImageFault, Images, ImagesBusy, ImageType, ImageUse, PreparedImage, refusal

Outcome: TypeAlias = tuple[PreparedImage, ...] | ImageFault

# Measured: 50 million pixels with alpha, as PNG or WebP, fail at 768 MiB of addresses and pass at 1024; HEIC and JPEG
# of that size need 640.
_MEMORY_BYTES: Final = 1280 * 1024 * 1024
# Decoders leak; a worker ends after so many files and another takes its place.
_FILES_PER_WORKER: Final = 500


class WorkerImages(Images):
    """Decodes in `workers` processes with limits on memory and processor time, started at the first upload.

    `waiting` files may be in hand at once, those in work included. `patience_seconds` is how long one of them waits
    for its end, and `cpu_seconds` how much processor time it may take. `keep_comment` lets an embedded text comment
    through that matches wholly, for the sandbox face provider; None keeps none.

    One instance may serve several event loops in turn, as tests do.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        waiting: int = 16,
        patience_seconds: float = 30,
        cpu_seconds: int = 15,
        niceness: int = 19,
        keep_comment: re.Pattern[str] | None = None,
    ) -> None:
        self._workers = workers
        self._waiting = waiting
        self._patience_seconds = patience_seconds
        self._cpu_seconds = cpu_seconds
        self._niceness = niceness
        self._keep_comment = keep_comment
        self._pool: ProcessPool | None = None
        self._in_hand: set[Future[Outcome]] = set()
        self._last_answer = 0.0

    async def prepare(self, content: bytes, *, use: ImageUse) -> tuple[PreparedImage, ...]:
        kind = image_type(content)
        if kind is None or kind not in use.types:
            raise refusal(ImageFault.WRONG_TYPE)
        outcome = await self._survived(content, kind, use)
        if isinstance(outcome, ImageFault):
            raise refusal(outcome)
        return outcome

    async def close(self) -> None:
        if self._pool is not None:
            await self._end(self._pool)

    async def _survived(self, content: bytes, kind: ImageType, use: ImageUse) -> Outcome:
        try:
            return await self._answer(content, kind, use)
        except ProcessExpired as expired:
            if expired.exitcode == -signal.SIGXCPU:
                return ImageFault.TIMED_OUT
        except BrokenProcessPool:
            # A worker died with nothing in its hands, and the pool gave up: the next try makes another.
            pass
        # The worker may have been killed for another's sake; a file that kills two in a row is at fault itself.
        try:
            return await self._answer(content, kind, use)
        except ProcessExpired:
            return ImageFault.UNREADABLE
        except BrokenProcessPool as error:
            raise ImagesBusy from error

    async def _answer(self, content: bytes, kind: ImageType, use: ImageUse) -> Outcome:
        if len(self._in_hand) >= self._waiting:
            raise ImagesBusy
        pool = await self._running_pool()
        future: Future[Outcome] = pool.schedule(
            worker.prepare, args=(content, kind, use, self._keep_comment, self._cpu_seconds)
        )
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
        raise ImagesBusy

    async def _running_pool(self) -> ProcessPool:
        if self._pool is not None and not self._pool.active:
            await self._end(self._pool)
        if self._pool is None:
            self._pool = ProcessPool(
                max_workers=self._workers,
                max_tasks=_FILES_PER_WORKER,
                initializer=worker.enter,
                initargs=(self._niceness, _MEMORY_BYTES),
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
