"""`escard worker`: the process that does what is due."""

import asyncio
import ctypes
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from app import worker
from app.cli import stopping
from app.cli.configuration import read_keys, read_settings, start_logging
from app.cli.database import reachable, require_newest
from app.cli.house import at_work, build
from app.core import logging
from app.routers.deps import House

app = typer.Typer()

_PR_SET_PDEATHSIG = 1  # prctl(2)


@app.command("worker")
def run_worker(
    parent: Annotated[int | None, typer.Option(hidden=True, help="End when this process does.")] = None,
) -> None:
    """Do what is due until SIGTERM or Ctrl-C: messages, deadlines, deletion, signatures; several may run."""
    if parent is not None:
        _end_with(parent)
    settings = read_settings()
    start_logging(settings)
    keys = read_keys(settings)
    with reachable(settings) as addresses:
        require_newest(addresses.app)
        at_work(build(settings, addresses.app, keys), _work)


async def _work(house: House) -> None:
    loop = asyncio.get_running_loop()
    log = logging.logger("app.cli.worker")

    def stop(_: int, __: FrameType | None) -> None:
        loop.call_soon_threadsafe(house.stopping.set)

    with stopping.meaning(stop):
        log.info("working")
        pace = house.settings.rekey_rows_per_second
        await worker.work(house.db, house.ports, house.stopping, rekey_rows_per_second=pace)
    log.info("stopped")


def _end_with(parent: int) -> None:
    """Ask to be told to stop when the process that started this one dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise typer.Exit
