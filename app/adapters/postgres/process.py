"""The server process: started as a child that dies with us, watched through its pid file, stopped by signals."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app.adapters.postgres.programs import ENVIRONMENT, EmbeddedPostgresError, Programs

PATIENCE_SECONDS = 60.0
PR_SET_PDEATHSIG = 1  # prctl(2)

_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def launch(programs: Programs, data: Path, options: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the server on `data`; its words go to `log`, those of the start before are kept in `log`.1."""
    account, parent = programs.account, os.getpid()
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - the programs of our own wheel or setting, and no shell
            [programs.folder / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=ENVIRONMENT,
            user=account.uid if account.is_other else None,
            group=account.gid if account.is_other else None,
            extra_groups=[] if account.is_other else None,
            process_group=0,  # Ctrl-C is ours to handle: requests end before the database does
            preexec_fn=lambda: _die_with(parent),
        )


def _die_with(parent: int) -> None:
    """In the child: ask for a fast shutdown when the parent dies, however it dies."""
    if _prctl is None or _prctl(PR_SET_PDEATHSIG, signal.SIGINT) or os.getppid() != parent:
        os._exit(1)


def wait_until_ready(server: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait for connections to be taken, through a recovery however long; False when the server ended instead."""
    while server.poll() is None:
        # The eighth line says `ready`: pg_ctl waits for the same (src/bin/pg_ctl/pg_ctl.c, wait_for_postmaster_start).
        lines = _lines(data / "postmaster.pid")
        if len(lines) >= 8 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
            return True
        time.sleep(0.005)
    return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """Shut down fast; if that hangs, at once; if that hangs, by force (PostgreSQL manual, 18.5)."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
            return


def wait_for_predecessor(data: Path) -> None:
    """Wait until the server of a killed holder has shut down.

    Raises:
        EmbeddedPostgresError: it did not within a minute.
    """
    pid_file = data / "postmaster.pid"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while lines := _lines(pid_file):
        if os.fsencode(data) not in _command(int(lines[0])):
            # It was killed too. To PostgreSQL its number looks alive when it is another process's by now, or that of a
            # zombie nobody reaps (containers). Our own number, the parent's, is one it takes for stale; and the rest of
            # the file lets it see for itself whether children of the dead server linger (CreateLockFile, miscinit.c).
            pid_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
            return
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"A PostgreSQL of before (process {lines[0]}) still runs on {data}.")
        time.sleep(0.02)


def _command(pid: int) -> list[bytes]:
    """The words a process was started with; none for one that is gone, and for a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        return []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []
