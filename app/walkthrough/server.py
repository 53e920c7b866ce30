"""A server of the walkthrough's own, for when none runs: in a temporary folder, on a free port, gone in the end."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from app.adapters.postgres import remove
from app.walkthrough.phone import Unexpected

_START_SECONDS: Final = 90
_STOP_SECONDS: Final = 30


def answers(url: str) -> bool:
    """Say whether a server of ours is there."""
    try:
        answer = httpx.get(f"{url}/readyz", timeout=5)
        return answer.status_code == 200 and answer.json() == {"status": "ready"}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


@contextmanager
def serving(log: Path | None) -> Iterator[str]:
    """Have a server for as long as the block lasts; its address is given, its log goes to `log` if it is to stay.

    Raises:
        Unexpected: it does not start.
    """
    with _folder() as folder:
        log = log or folder / "server.log"
        port = _free_port()
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ESCARD_")}
        settings |= {"ESCARD_DATA_FOLDER": str(folder / "data")}
        with log.open("wb") as written:
            server = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [sys.executable, "-m", "app", "run", "--port", str(port)],
                stdout=subprocess.DEVNULL,
                stderr=written,
                env=settings,
            )
            try:
                _wait(server, f"http://127.0.0.1:{port}", log)
                yield f"http://127.0.0.1:{port}"
            finally:
                _stop(server)


@contextmanager
def _folder() -> Iterator[Path]:
    """Have a folder for as long as the block lasts; nothing that lies elsewhere for it stays behind either."""
    with TemporaryDirectory(prefix="escard-walkthrough-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            folder.chmod(0o711)  # PostgreSQL runs as another account, which has to pass
        try:
            yield folder
        finally:
            remove(folder / "data" / "postgres")


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while not answers(url):
        if server.poll() is not None or time.monotonic() > until:
            lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise Unexpected(f"A server of the walkthrough's own did not start: {lines[-1]}")
        time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
