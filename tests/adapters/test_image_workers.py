"""What the pool of image workers promises: limits that hold, a queue that ends, and nobody left behind."""

import asyncio
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.adapters.images.workers import WorkerImages
from app.core.errors import Unavailable
from app.ports.images import ImageFault, ImageRefused, ImagesBusy, ImageUse
from tests.factories.images import pdf, portrait_photo, saved, slow_pdf, stream

# On any machine far more work than the time given in these tests, and about a second's.
_ENDLESS = slow_pdf(2_000_000)
_A_SECOND = slow_pdf(500)

# Processes of pools that other tests share; those of the pool under test are all others.
_elsewhere: set[int] = set()


@asynccontextmanager
async def pool(**options: Any) -> AsyncIterator[WorkerImages]:
    _elsewhere.clear()
    _elsewhere.update(worker_pids())
    images = WorkerImages(**{"niceness": 0, "patience_seconds": 60} | options)
    try:
        yield images
    finally:
        await images.close()


def worker_pids() -> set[int]:
    return {child.pid for child in multiprocessing.active_children() if child.pid is not None} - _elsewhere


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition)


async def prepared_in_the_end(images: WorkerImages) -> bool:
    """Upload again while the pool says that it is busy."""
    while True:
        with suppress(ImagesBusy):
            return bool(await images.prepare(portrait_photo(1), use=ImageUse.FACE))


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


async def busy_worker() -> int:
    """Wait until a worker is at work and return its process id."""
    await until(lambda: bool(worker_pids()))
    (pid,) = worker_pids()
    begun = processor_seconds(pid)
    await until(lambda: processor_seconds(pid) > begun + 0.5)
    return pid


class TestLimits:
    async def test_workers_start_with_the_first_upload_and_end_with_the_pool(self) -> None:
        async with pool(workers=2) as images:
            assert worker_pids() == set()
            await images.prepare(portrait_photo(1), use=ImageUse.FACE)
            assert len(worker_pids()) == 2

        assert worker_pids() == set()

    async def test_a_worker_has_given_up_what_it_does_not_need(self) -> None:
        async with pool(niceness=2) as images:
            await images.prepare(portrait_photo(1), use=ImageUse.FACE)
            (pid,) = worker_pids()

            assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 2
            assert 0 < resource.prlimit(pid, resource.RLIMIT_AS)[1] <= 2 * 1024**3
            assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
            assert resource.prlimit(pid, resource.RLIMIT_CPU)[0] < 60

    async def test_a_file_that_takes_too_long_is_refused_and_the_next_one_is_not(self) -> None:
        async with pool(cpu_seconds=1) as images:
            with pytest.raises(ImageRefused) as refused:
                await images.prepare(_ENDLESS, use=ImageUse.REGISTER)

            assert refused.value.fault is ImageFault.TIMED_OUT
            assert await images.prepare(portrait_photo(1), use=ImageUse.FACE)

    async def test_processor_time_is_counted_for_each_file_anew(self) -> None:
        async with pool(cpu_seconds=2) as images:
            await images.prepare(portrait_photo(1), use=ImageUse.FACE)
            (pid,) = worker_pids()
            while processor_seconds(pid) < 3:
                await images.prepare(slow_pdf(100), use=ImageUse.REGISTER)

            assert worker_pids() == {pid}

    async def test_a_file_that_takes_too_much_memory_is_refused(self) -> None:
        # The mask is not among the pictures of the page, so nobody asks for its size before it is unpacked.
        mask = b"/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 8 /ColorSpace /DeviceGray"
        picture = b"/Type /XObject /Subtype /Image /Width 9 /Height 9 /BitsPerComponent 8 /ColorSpace /DeviceGray"
        bomb = pdf(
            stream(bytes(81), picture + b" /SMask 6 0 R"),
            stream(bytes(64 * 1024 * 1024), mask),
            page=b"/Resources << /XObject << /I 5 0 R >> >>",
            content=b"595 0 0 842 0 0 cm /I Do",
        )
        async with pool() as images:
            with suppress(ImageRefused):
                await images.prepare(bomb, use=ImageUse.REGISTER)

            assert await images.prepare(portrait_photo(1), use=ImageUse.FACE)

    async def test_the_largest_photo_with_alpha_is_not_too_much(self) -> None:
        largest = saved(Image.new("RGBA", (8_000, 6_250), (9, 9, 9, 200)), "PNG", compress_level=1)
        async with pool() as images:
            (page,) = await images.prepare(largest, use=ImageUse.FACE)

        assert (page.width, page.height) == (1024, 800)


class TestQueue:
    async def test_a_full_queue_says_so_at_once(self) -> None:
        async with pool(waiting=2, patience_seconds=2) as images:
            waiting = [asyncio.create_task(images.prepare(_ENDLESS, use=ImageUse.REGISTER)) for _ in range(2)]
            await asyncio.sleep(0)

            with pytest.raises(ImagesBusy) as busy:
                await images.prepare(portrait_photo(1), use=ImageUse.FACE)

            assert isinstance(busy.value, Unavailable)
            assert not any(task.done() for task in waiting)
            assert {type(outcome) for outcome in await asyncio.gather(*waiting, return_exceptions=True)} == {ImagesBusy}
            assert await prepared_in_the_end(images)

    async def test_files_of_another_kind_do_not_queue(self) -> None:
        async with pool() as images:
            with pytest.raises(ImageRefused):
                await images.prepare(b"<html>", use=ImageUse.FACE)

            assert worker_pids() == set()

    async def test_many_uploads_at_once_each_get_their_own_answer(self) -> None:
        async with pool(workers=2) as images:
            asked = [images.prepare(portrait_photo(seed), use=ImageUse.FACE) for seed in range(12)]
            together = [page.sha256 for (page,) in await asyncio.gather(*asked)]

            alone = [(await images.prepare(portrait_photo(seed), use=ImageUse.FACE))[0].sha256 for seed in range(12)]

        assert together == alone
        assert len(set(together)) == 12

    async def test_an_upload_that_is_given_up_stops_its_worker(self) -> None:
        async with pool() as images:
            upload = asyncio.create_task(images.prepare(_ENDLESS, use=ImageUse.REGISTER))
            pid = await busy_worker()

            upload.cancel()
            with pytest.raises(asyncio.CancelledError):
                await upload

            await until(lambda: not is_alive(pid))
            assert await images.prepare(portrait_photo(1), use=ImageUse.FACE)

    async def test_closing_answers_those_who_wait(self) -> None:
        async with pool() as images:
            uploads = [asyncio.create_task(images.prepare(_ENDLESS, use=ImageUse.REGISTER)) for _ in range(3)]
            await busy_worker()

            await images.close()

            assert {type(outcome) for outcome in await asyncio.gather(*uploads, return_exceptions=True)} == {ImagesBusy}

    def test_one_pool_serves_several_event_loops_in_turn(self) -> None:
        images = WorkerImages(niceness=0)

        pages = [asyncio.run(images.prepare(portrait_photo(1), use=ImageUse.FACE)) for _ in range(2)]

        asyncio.run(images.close())
        assert pages[0] == pages[1]


class TestKilledWorkers:
    async def test_a_worker_killed_for_anothers_sake_costs_nothing(self) -> None:
        async with pool() as images:
            upload = asyncio.create_task(images.prepare(_A_SECOND, use=ImageUse.REGISTER))

            os.kill(await busy_worker(), signal.SIGKILL)

            assert await upload

    async def test_a_file_whose_workers_die_again_and_again_is_refused(self) -> None:
        async with pool() as images:
            upload = asyncio.create_task(images.prepare(_ENDLESS, use=ImageUse.REGISTER))
            os.kill(first := await busy_worker(), signal.SIGSEGV)
            await until(lambda: bool(worker_pids() - {first}))
            os.kill(await busy_worker(), signal.SIGSEGV)

            with pytest.raises(ImageRefused) as refused:
                await upload

            assert refused.value.fault is ImageFault.UNREADABLE

    async def test_a_pool_that_does_not_move_is_replaced(self) -> None:
        async with pool(patience_seconds=2) as images:
            assert await prepared_in_the_end(images)
            (pid,) = worker_pids()
            os.kill(pid, signal.SIGSTOP)

            with pytest.raises(ImagesBusy):
                await images.prepare(portrait_photo(1), use=ImageUse.FACE)

            assert not is_alive(pid)
            assert await prepared_in_the_end(images)

    @pytest.mark.parametrize("pause_seconds", [0, 0.5])
    async def test_an_idle_worker_that_is_killed_costs_nothing(self, pause_seconds: float) -> None:
        async with pool() as images:
            await images.prepare(portrait_photo(1), use=ImageUse.FACE)
            (pid,) = worker_pids()

            os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(pause_seconds)

            assert await images.prepare(portrait_photo(1), use=ImageUse.FACE)
            assert not is_alive(pid)


_SERVER = """
import asyncio, multiprocessing, sys
from app.adapters.images.workers import WorkerImages
from app.ports.images import ImageUse
from tests.factories.images import portrait_photo, slow_pdf

async def main():
    images = WorkerImages(niceness=0, cpu_seconds=2)
    await images.prepare(portrait_photo(1), use=ImageUse.FACE)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    if sys.argv[1] == "busy":
        await images.prepare(slow_pdf(2_000_000), use=ImageUse.REGISTER)
    await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


class TestOrphans:
    @pytest.mark.parametrize("work", ["idle", "busy"])
    def test_no_worker_outlives_a_server_that_was_killed(self, tmp_path: Path, work: str) -> None:
        program = tmp_path / "server.py"
        program.write_text(_SERVER, encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
        with subprocess.Popen([sys.executable, program, work], stdout=subprocess.PIPE, env=environment) as server:
            assert server.stdout is not None
            pid = int(server.stdout.readline())
            begun = processor_seconds(pid)
            if work == "busy":
                wait_until(lambda: processor_seconds(pid) > begun + 0.3)

            server.kill()

        wait_until(lambda: not is_alive(pid))
