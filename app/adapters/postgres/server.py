"""Hold the embedded PostgreSQL of a folder: the first process starts it, others join, the first stops it."""

import contextlib
import fcntl
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from app.adapters.postgres import founding, process
from app.adapters.postgres.programs import Account, EmbeddedPostgresError, Programs, find

HOST = "127.0.0.1"
REFUGE = Path("/var/lib/escard")
STARTS = 5  # a port can be lost between choosing and using it, and children of a killed server linger for a moment

_logger = logging.getLogger(__name__)
_locks: set[int] = set()


def _forget_locks() -> None:
    """A forked child must not keep our lock when we are gone."""
    for descriptor in _locks:
        os.close(descriptor)
    _locks.clear()


os.register_at_fork(after_in_child=_forget_locks)


class EmbeddedPostgres:
    """The database server of one folder, while the `with` block lasts.

    The first process to enter starts the server and stops it on leaving; others join it, and lose it when the first
    leaves. What lies in the folder: `data` (or a link to it), `passwords.json` (0600), `port`, `lock`, `postgres.log`,
    and as root, where need be, a copy of the programs.
    """

    def __init__(
        self,
        folder: Path,
        binaries: Path | None = None,
        options: Mapping[str, str] | None = None,
        progress: Callable[[str], None] | None = None,
        refuge: Path = REFUGE,
    ) -> None:
        """Name a data folder; `binaries` holds other programs than the wheel's, `options` are server settings.

        `progress` is told, in whole sentences, what takes longer than a moment; without it the log is. Started by root,
        PostgreSQL runs as another account: what that must reach lies in `refuge` where `folder` is closed to it.
        """
        self.host = HOST
        self.port = 0
        self.passwords: Mapping[str, str] = {}
        self._folder = folder.absolute()
        self._refuge = refuge
        self._binaries = binaries
        self._options = dict(options or {})
        self._progress = progress or _logger.info
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, role: str, database: str = founding.DATABASE) -> str:
        """The address of a database, with the password of `escard_owner`, `escard_app` or `postgres` in it."""
        return f"postgresql://{role}:{self.passwords[role]}@{self.host}:{self.port}/{database}"

    @property
    def is_joined(self) -> bool:
        """Whether another process holds the server."""
        return self._server is None

    def __enter__(self) -> Self:
        """Start the server, or join the running one.

        Raises:
            EmbeddedPostgresError: it cannot be had; the message is one line for a person.
        """
        if sys.platform != "linux":
            raise EmbeddedPostgresError("The embedded PostgreSQL runs on Linux only; name the address of a server.")
        try:
            self._enter()
        except OSError as error:
            self._leave()
            raise EmbeddedPostgresError(f"The folder {self._folder} cannot be used: {error}.") from error
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _enter(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._folder.stat().st_uid == os.geteuid():
            self._folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        deadline = time.monotonic() + process.PATIENCE_SECONDS
        while not self._take_lock():
            if self._join():
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"Another process holds {self._folder} and its server does not answer.")
            time.sleep(0.05)
        self._start()

    def _take_lock(self) -> bool:
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.truncate(descriptor, 0)  # what a killed holder wrote
        self._lock = descriptor
        _locks.add(descriptor)
        return True

    def _join(self) -> bool:
        """The holder writes the port into its lock when the server is ready."""
        port = (self._folder / "lock").read_text()
        if not port or not _answers(int(port)):
            return False
        self.port = int(port)
        self.passwords = founding.passwords(self._folder)
        return True

    def _start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise EmbeddedPostgresError(
                "Start the server in the main thread: it dies with the thread that started it (prctl(2))."
            )
        data = self._folder / "data"
        programs = find(self._binaries, Account.for_data(data), (self._folder, self._refuge))
        place = self._place(data, programs)
        made_with = (place / "PG_VERSION").read_text().strip()
        if made_with != str(programs.major):
            raise EmbeddedPostgresError(f"{data} was made by PostgreSQL {made_with}, not by {programs.major}.")
        process.wait_for_predecessor(place)
        self.passwords = founding.passwords(self._folder)
        self._launch(programs, place)
        if self._lock is not None:
            os.pwrite(self._lock, str(self.port).encode(), 0)

    def _place(self, data: Path, programs: Programs) -> Path:
        """Where the cluster lies, after making it where there is none."""
        before = data.resolve()
        if data.exists():
            place = founding.reach(data, programs.account, self._refuge)
        else:
            self._progress("Preparing PostgreSQL for its first start.")
            is_synced = self._options.get("fsync") != "off"
            place = founding.create(programs, self._folder, self._refuge, is_synced=is_synced)
        if place != before:
            self._progress(f"The account that runs PostgreSQL cannot enter {self._folder}: the data lies in {place}.")
        return place

    def _launch(self, programs: Programs, place: Path) -> None:
        log, words = self._folder / "postgres.log", ""
        for attempt in range(STARTS):
            self.port = self._choose_port()
            options = {
                "listen_addresses": HOST,
                "port": str(self.port),
                "unix_socket_directories": "",
                "timezone": "UTC",
                "log_timezone": "UTC",
                "log_error_verbosity": "terse",  # details quote the values of rows
            }
            self._server = process.launch(programs, place, options | self._options, log)
            if process.wait_until_ready(self._server, place):
                return
            self._server = None
            words = log.read_text(errors="replace")
            if not ("could not bind" in words or "shared memory block" in words):
                break
            time.sleep(0.2 * attempt)
        lines = words.splitlines() or ["no word"]
        reason = next((line for line in lines if "FATAL" in line), lines[-1])
        raise EmbeddedPostgresError(f"PostgreSQL did not start: {reason} (see {log}).")

    def _choose_port(self) -> int:
        """The port of last time if it is free, else any free one, kept for next time."""
        path = self._folder / "port"
        last = path.read_text() if path.exists() else ""
        for wish in (int(last or 0), 0):
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, wish))
                port: int = probe.getsockname()[1]
                path.write_text(str(port))
                return port
        raise EmbeddedPostgresError(f"There is no free port on {HOST}.")

    def _leave(self) -> None:
        if self._server is not None:
            if self._lock is not None:
                os.truncate(self._lock, 0)  # nobody joins any more
            process.stop(self._server)
            self._server = None
        if self._lock is not None:
            _locks.discard(self._lock)
            os.close(self._lock)
            self._lock = None


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
