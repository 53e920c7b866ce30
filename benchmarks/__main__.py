"""Starts a database and the three servers, measures them in turn, prints what it saw: `python -m benchmarks --help`."""

import argparse
import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop

from app import main as composition
from app.adapters.keys.file import FileKeys
from app.adapters.postgres import EmbeddedPostgres, remove
from app.adapters.postgres.founding import APP, OWNER
from app.adapters.postgres.schema import migrate
from app.core.tokens.access import AccessClaims
from benchmarks import codes, judging, load
from benchmarks.filling import fill
from benchmarks.serve import settings

KINDS: Final = ("escard", "floor", "usual")
READS: Final = {
    "own card": ("GET", "/v1/holders/me/card"),
    "family page": ("GET", "/v1/family"),
    "code issue": ("POST", codes.ISSUE),
}
REDEMPTION: Final = "code redemption"  # a transaction of ten statements; the usual way to it is the product's own
MOST_REDEEMED_A_SECOND: Final = 2500  # more than the floor does: each request comes once
OF_FLOOR: Final = 0.60
TIMES_USUAL: Final = 4.0
_JUDGING_SECONDS: Final = 6.0  # a check takes about four
_BESIDE_CONNECTIONS: Final = 1  # a core that reads cards all the time leaves a process of niceness 19 next to nothing
QUIET: Final = 0.9  # of a core: less, and something else runs here


@dataclass(slots=True)
class Server:
    """One server in a process of its own."""

    kind: str
    port: int
    process: "subprocess.Popen[bytes]"
    ready_seconds: float

    @property
    def cpu_seconds(self) -> float:
        """What its process has used (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory_mib(self) -> float:
        """What of it lies in memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@dataclass(slots=True)
class Seen:
    """What one server did with one read, round for round."""

    per_second: list[float] = field(default_factory=list)
    per_cpu_second: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


def main() -> int:
    """Measure; the exit status says whether the budgets of the design were kept."""
    asked = _arguments()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="escard-bench-") as place, contextlib.ExitStack() as stack:
        folder = Path(place)
        os.sched_setaffinity(0, cores[-1:])  # the load generator and the database here, the servers on another core
        print("Starting PostgreSQL …", flush=True)
        stack.callback(remove, folder / "postgres")
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", options={"fsync": "off"}))
        migrate(postgres.url(OWNER))
        FileKeys.create(settings(folder).key_path, settings(folder).cipher_suite)
        url = postgres.url(APP)
        print(f"Making {asked.holders} holders with their families …", flush=True)
        claims, scanner = uvloop.run(_fill(folder, url, asked.holders))
        servers = [stack.enter_context(_serving(kind, folder, url, cores[0])) for kind in KINDS]
        house = composition.build(settings(folder), url)
        sign = house.mint.access.sign
        most = round(asked.seconds * MOST_REDEEMED_A_SECOND)
        make: dict[str, Callable[[], Sequence[bytes]]] = {
            **{name: partial(_reads, *read, sign, claims) for name, read in READS.items()},
            REDEMPTION: partial(scanner.requests, house.codes, most),
        }
        seen = uvloop.run(_measure(servers, make, asked))
        kept = _report(servers, seen, cores)
        if judging.is_there():
            server = stack.enter_context(_serving("judging", folder, url, cores[0]))
            kept &= judging.report(uvloop.run(_beside(server, folder, sign, claims, asked)))
        return 0 if kept else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--holders", type=int, default=300, help="people who ask (300)")
    parser.add_argument("--rounds", type=int, default=7, help="times everything is measured in turn (7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement (2)")
    parser.add_argument("--connections", type=int, default=32, help="requests under way at a time (32)")
    return parser.parse_args()


async def _fill(folder: Path, url: str, holders: int) -> tuple[Sequence[AccessClaims], codes.Scanner]:
    async with composition.opened(composition.build(settings(folder), url)) as house:
        claims = await fill(house.db, holders)
        return claims, await house.db.run(lambda session: codes.install(session, claims))


def _reads(method: str, path: str, sign: Callable[[AccessClaims], str], claims: Sequence[AccessClaims]) -> list[bytes]:
    return [_request(method, path, sign(each)) for each in claims]  # tokens live ten minutes


@contextlib.contextmanager
def _serving(kind: str, folder: Path, url: str, core: int) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening, (folder / f"{kind}.log").open("wb") as log:
        port: int = listening.getsockname()[1]
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serve", kind, str(folder), url, str(listening.fileno()), str(core)],
            stdout=log,
            stderr=log,
            pass_fds=[listening.fileno()],
        )
    try:
        _wait(port)
        yield Server(kind, port, process, time.perf_counter() - started)
    except load.WrongAnswer:
        print(f"\nThe last that {kind} said:", *(folder / f"{kind}.log").read_text().splitlines()[-5:], sep="\n  ")
        raise
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    """Wait until a server answers anything at all: its socket listened before it lived."""
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60).close()


async def _measure(
    servers: Sequence[Server],
    make: Mapping[str, Callable[[], Sequence[bytes]]],
    asked: argparse.Namespace,
) -> Mapping[tuple[str, str], Seen]:
    seen = {(name, server.kind): Seen() for name in make for server in servers if _answers(server.kind, name)}
    for turn in range(asked.rounds + 1):  # the first warms up
        for name, requests_for in make.items():
            for server in _rotated([each for each in servers if _answers(each.kind, name)], turn):
                requests = requests_for()
                before = server.cpu_seconds
                found = await load.drive(
                    server.port, requests, connections=asked.connections, seconds=asked.seconds if turn else 1.0
                )
                if turn:
                    _note(seen[name, server.kind], found, server.cpu_seconds - before)
        print("." if turn else "Measuring ", end="", flush=True)
    print(flush=True)
    return seen


async def _beside(
    server: Server,
    folder: Path,
    sign: Callable[[AccessClaims], str],
    claims: Sequence[AccessClaims],
    asked: argparse.Namespace,
) -> judging.Beside:
    return await judging.measure(
        server.port,
        partial(_reads, *READS["own card"], sign, claims),
        folder,
        rounds=asked.rounds,
        seconds=max(asked.seconds, _JUDGING_SECONDS),
        connections=min(asked.connections, _BESIDE_CONNECTIONS),
    )


def _rotated(servers: Sequence[Server], turn: int) -> Sequence[Server]:
    first = turn % len(servers)
    return [*servers[first:], *servers[:first]]


def _answers(kind: str, name: str) -> bool:
    return name != REDEMPTION or kind != "usual"


def _request(method: str, path: str, token: str) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json\r\nAccept-Language: zh-CN\r\nUser-Agent: bench\r\n\r\n"
    ).encode()


def _note(seen: Seen, found: load.Load, cpu_seconds: float) -> None:
    seen.per_second.append(found.per_second)
    seen.per_cpu_second.append(found.answers / cpu_seconds)
    seen.p50.append(found.percentile(0.5))
    seen.p99.append(found.percentile(0.99))


def _report(servers: Sequence[Server], seen: Mapping[tuple[str, str], Seen], cores: Sequence[int]) -> bool:
    print(f"\n{_machine()}, {len(cores)} cores: server on one, database and load on the other")
    print(f"{', '.join(f'{name} {version(name)}' for name in ('fastapi', 'starlette', 'uvicorn', 'asyncpg'))}\n")
    print(f"{'':16}{'':8}{'requests/s':>12}{'per CPU s':>12}{'CPU %':>8}{'p50 ms':>9}{'p99 ms':>9}")
    kept = True
    for name in (*READS, REDEMPTION):
        for server in [each for each in servers if _answers(each.kind, name)]:
            found = seen[name, server.kind]
            middle = [statistics.median(column) for column in astuple(found)]
            per_second, per_cpu_second, p50, p99 = middle
            print(
                f"{name:16}{server.kind:8}{per_second:12.0f}{per_cpu_second:12.0f}"
                f"{100 * per_second / per_cpu_second:8.0f}{p50:9.2f}{p99:9.2f}"
            )
        kept &= _ratios(name, seen)
    print("\nStart and memory")
    for server in servers:
        print(f"  {server.kind:8}{server.ready_seconds:6.2f} s to the first answer, {server.memory_mib:6.0f} MiB")
    return kept


def _ratios(name: str, seen: Mapping[tuple[str, str], Seen]) -> bool:
    """Print how the product compares; ratios are taken round by round, so that a slow moment hits both sides.

    Where something else took a part of the servers' core, requests per second say little: then what each did with a
    second of processor time is compared.
    """
    kinds = [kind for kind in KINDS if _answers(kind, name)]
    share = min(
        statistics.median(seen[name, kind].per_second) / statistics.median(seen[name, kind].per_cpu_second)
        for kind in kinds
    )
    is_quiet = share >= QUIET
    compared = {other: _ratio(seen, name, other, is_quiet=is_quiet) for other in kinds[1:]}
    words = {
        "floor": f"{compared['floor']:.2f} of the floor (at least {OF_FLOOR:.2f})",
        "usual": f"{compared.get('usual', 0):.1f} × the usual way (at least {TIMES_USUAL:.0f})",
    }
    print(
        f"{'':16}escard is {' and '.join(words[other] for other in compared)}"
        + ("" if is_quiet else f", by CPU time: the machine was busy, {share:.0%} of a core was left")
    )
    return compared["floor"] >= OF_FLOOR and compared.get("usual", TIMES_USUAL) >= TIMES_USUAL


def _ratio(seen: Mapping[tuple[str, str], Seen], name: str, other: str, *, is_quiet: bool) -> float:
    ours, theirs = seen[name, "escard"], seen[name, other]
    if is_quiet:
        pairs = zip(ours.per_second, theirs.per_second, strict=True)
    else:
        pairs = zip(ours.per_cpu_second, theirs.per_cpu_second, strict=True)
    return statistics.median(a / b for a, b in pairs)


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    return f"{model}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
