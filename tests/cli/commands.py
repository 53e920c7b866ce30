"""The command line in other processes: run to its end, or until it is told to stop."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.adapters.embedded import ROOT, interpreter_for_everybody
from tests.cli.forking import Asked, Forked, Mother

START_SECONDS = 90
SUITE = "ESCARD_CIPHER_SUITE"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it wrote."""

    status: int
    said: str
    complained: str


class Escard:
    """Runs `escard` with the settings of one data folder and one port."""

    def __init__(self, data_folder: Path, mother: Mother) -> None:
        self.data_folder = data_folder
        self.port = free_port()
        self._mother = mother
        self._interpreter = Path(sys.executable)
        self._account: str | None = None
        self._running: list[Running] = []

    @property
    def url(self) -> str:
        """Where its server is."""
        return f"http://127.0.0.1:{self.port}"

    def become_nobody(self) -> None:
        """Run what follows as the account `nobody`, which owns the data folder."""
        self._interpreter, self._account = interpreter_for_everybody(), "nobody"
        self.data_folder.mkdir()
        shutil.chown(self.data_folder, self._account, pwd.getpwnam(self._account).pw_gid)

    def do(self, *words: str, **settings: str) -> Done:
        """Run a command to its end."""
        started = self.start(*words, **settings)
        return started.ended()

    def told(self, line: str, *words: str, **settings: str) -> Done:
        """Run a command that reads a line, to its end."""
        return self._fork(words, settings, hears=f"{line}\n").ended()

    def start(self, *words: str, **settings: str) -> "Running":
        """Start a command; it leads a session of its own, as in a terminal."""
        return self.start_anew(*words, **settings) if self._account else self._fork(words, settings)

    def start_in_background(self, *words: str, **settings: str) -> "Running":
        """Start a command as a script does with `&`: it finds Ctrl-C ignored (POSIX, 2.11)."""
        return self._fork(words, settings, is_in_background=True)

    def start_anew(self, *words: str, **settings: str) -> "Running":
        """Start a command with an interpreter of its own, which has yet to load everything."""
        said, complained = self._streams("out", "err")
        with said.open("wb") as out, complained.open("wb") as err:
            process = subprocess.Popen(
                [self._interpreter, "-m", "app", *words],
                env=self._environment(settings),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                user=self._account,
                group=pwd.getpwnam(self._account).pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
            )
        return self._remember(Running(process, said, complained))

    def _fork(
        self, words: Sequence[str], settings: Mapping[str, str], *, hears: str = "", is_in_background: bool = False
    ) -> "Running":
        heard, said, complained = self._streams("in", "out", "err")
        for stream, content in ((heard, hears), (said, ""), (complained, "")):
            stream.write_text(content)
        streams = (str(heard), str(said), str(complained))
        asked = Asked(words, self._environment(settings), streams, is_in_background)
        return self._remember(Running(self._mother.fork(asked), said, complained))

    def _streams(self, *names: str) -> tuple[Path, ...]:
        return tuple(self.data_folder.parent / f"{len(self._running)}.{name}" for name in names)

    def _remember(self, running: "Running") -> "Running":
        self._running.append(running)
        return running

    def end(self) -> None:
        """End whatever still runs."""
        for running in self._running:
            running.kill()

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Nothing of ours but the suite, and what the interpreter needs: coverage, packages where it is another's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESCARD_") or name == SUITE}
        if self._account:
            kept["PYTHONPATH"] = os.pathsep.join(part for part in sys.path if part.endswith("site-packages"))
            kept |= {"HOME": str(self.data_folder), "PYTHONDONTWRITEBYTECODE": "1"}
        ours = {"ESCARD_DATA_FOLDER": str(self.data_folder), "ESCARD_PORT": str(self.port)}
        return kept | ours | {f"ESCARD_{name.upper()}": value for name, value in settings.items()}


class Running:
    """A command that was started."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, said: Path, complained: Path) -> None:
        self.process = process
        self._said = said
        self._complained = complained

    @property
    def said(self) -> str:
        """What it has written as its answer."""
        return self._said.read_text(errors="replace")

    @property
    def complained(self) -> str:
        """What it has written beside it: complaints, progress and the log."""
        return self._complained.read_text(errors="replace")

    def ready(self, word: str = "ready") -> "Running":
        """Wait until it says that it is."""
        self.until(lambda: word in self.said + self.complained, f"did not say {word!r}")
        return self

    def until(self, holds: Callable[[], object], complaint: str) -> None:
        """Wait until something holds, while it runs."""
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            assert self.process.poll() is None, self.complained
            assert time.monotonic() < deadline, f"{complaint}: {self.said}{self.complained}"
            time.sleep(0.02)

    def interrupted(self) -> Done:
        """Press Ctrl-C: the terminal tells every process of the foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()

    def ended(self) -> Done:
        """Wait for the end."""
        try:
            status = self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"It goes on: {self.said}{self.complained}") from None
        return Done(status, self.said, self.complained)

    def kill(self) -> None:
        """Kill it as `kill -9` does; what it has started is on its own."""
        self.process.kill()
        self.process.wait()

    @property
    def processes(self) -> list[str]:
        """The names of all processes of its session: its own and those that it started."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                name, rest = (folder / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
                state, _, _, session = rest.split()[:4]
                if int(session) == self.process.pid and state != "Z":
                    found.append(name)
        return found

    def alone(self) -> None:
        """Wait until none of its processes is left."""
        deadline = time.monotonic() + START_SECONDS
        while self.processes:
            assert time.monotonic() < deadline, self.processes
            time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody has at the moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
