"""Runs one of the servers, the way production would: one process, uvloop, httptools."""

import os
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from app import main
from app.core import logging
from app.core.settings import Settings
from benchmarks import judging, usual
from benchmarks.floor import Floor

CONNECTIONS: Final = 8


def settings(folder: Path) -> Settings:
    """Return what all three run with."""
    return Settings(data_folder=folder, database_connections=CONNECTIONS, requests_per_minute=10**9)


def app(kind: str, folder: Path, url: str) -> ASGIApp:
    """Make one of the servers: `escard`, `judging` (the same, with faces judged beside), `floor` or `usual`."""
    house = main.build(settings(folder), url)
    if kind in ("escard", "judging"):
        logging.configure("info", sys.stderr)
        made = main.create_app(house)
        return judging.judge_beside(made, folder) if kind == "judging" else made
    if kind == "floor":
        return Floor(url, house, connections=CONNECTIONS).app()
    return usual.make(url, house, connections=CONNECTIONS)


def serve(kind: str, folder: Path, url: str, descriptor: int) -> None:
    """Serve on a socket that listens already."""
    listening = socket.socket(fileno=descriptor)
    config = uvicorn.Config(
        app(kind, folder, url), loop="uvloop", http="httptools", ws="none", access_log=False, log_config=None
    )
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[5])})
    serve(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
