"""A process that has loaded every verb and forks for each command: what is tested is the command, not Python's imports.

The child is a process like any other, in a session of its own, and ends as the interpreter ends.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import IO

from app.cli import VERBS, main

_LOADED = "loaded"


@dataclass(frozen=True, slots=True)
class Asked:
    """A command to be started: its words, its environment, its three streams, and whether Ctrl-C is ignored."""

    words: Sequence[str]
    environment: Mapping[str, str]
    streams: tuple[str, str, str]
    is_in_background: bool


class Forked:
    """A command that was started; what `subprocess.Popen` has of one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.has_ended = threading.Event()

    def poll(self) -> int | None:
        """Say how it ended, if it has."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        if not self.has_ended.wait(timeout):
            raise subprocess.TimeoutExpired("escard", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Tell it something, if it is there to hear it."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by what it cannot answer."""
        self.send_signal(signal.SIGKILL)


class Mother:
    """The process that forks, as tests know it; one for all commands of a test run's worker."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forking"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._lines.readline().strip() == _LOADED
        self._children: dict[int, Forked] = {}
        self._born = threading.Semaphore(0)
        self._newest: Forked | None = None
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def fork(self, asked: Asked) -> Forked:
        """Start a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(asked)) + "\n")
        self._process.stdin.flush()
        self._born.acquire()
        assert self._newest is not None
        return self._newest

    def close(self) -> None:
        """End; children that still run are on their own."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._listening.join()
        self._lines.close()

    @property
    def _lines(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _listen(self) -> None:
        """Hear of births and deaths; a child that ends at once is heard of after its birth."""
        for line in self._lines:
            told: dict[str, int] = json.loads(line)
            if "status" not in told:
                self._newest = self._children[told["pid"]] = Forked(told["pid"])
                self._born.release()
                continue
            child = self._children.pop(told["pid"])
            child.returncode = told["status"]
            child.has_ended.set()


def serve() -> Asked | None:
    """Fork for each line that comes in and tell of each child that ends; return in a child, and at the end."""
    tell(_LOADED)
    alarm, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([sys.stdin, alarm], [], [])
        if alarm in ready:
            os.read(alarm, 4096)
            bury()
        if sys.stdin not in ready:
            continue
        line = os.read(sys.stdin.fileno(), 1_000_000)
        if not line:
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            os.close(alarm)
            os.close(wake)
            return Asked(**json.loads(line))
        tell(json.dumps({"pid": pid}))


def bury() -> None:
    """Tell of the children that have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(json.dumps({"pid": pid, "status": os.waitstatus_to_exitcode(status)}))


def tell(line: str) -> None:
    """Tell the tests something."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def become(asked: Asked) -> None:
    """Be as a shell would have started it: a session, streams, signals and an environment of its own."""
    os.setsid()
    for stream, path in enumerate(asked.streams):
        opened = os.open(path, os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(opened, stream)
        os.close(opened)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN if asked.is_in_background else signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked.environment)
    sys.argv = ["escard", *asked.words]


if __name__ == "__main__":
    for verb in VERBS:
        import_module(f"app.cli.{verb.replace('-', '_')}")
    import_module("app.cli.line")
    gc.freeze()  # no child need look at what all of them share
    if (mine := serve()) is not None:
        become(mine)
        main()
