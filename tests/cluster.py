"""One PostgreSQL for a whole run of the tests, and a database of its own for each test that wants one.

The process that starts the run calls `start_cluster`, `make_template` and, at the end, `stop`; worker processes find
the same cluster with `Cluster.from_env` and clone databases from the template.
"""

import asyncio
import contextlib
import dataclasses
import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

import asyncpg

from app.adapters.postgres import EmbeddedPostgres, remove
from app.adapters.postgres.founding import APP, OWNER, SUPERUSER, restrict

ENVIRONMENT_NAME = "TEST_CLUSTER"
TEMPLATE = "template_migrated"
PREFIX = "escard-tests-"

# Nothing of a test run need survive a power cut. Templates must have no visitors, so no autovacuum either.
OPTIONS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "io_method": "sync",
    "max_connections": "300",
    "max_wal_size": "4GB",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
}

_held: dict[Path, EmbeddedPostgres] = {}
_lines: dict[str, "_Line"] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Database:
    """A database of one test, with its addresses for the role that migrates and the role that works."""

    name: str
    owner_url: str
    app_url: str


@dataclasses.dataclass(frozen=True, slots=True)
class Cluster:
    """A running server, as every process of the test run knows it."""

    folder: Path
    host: str
    port: int
    passwords: Mapping[str, str]

    @classmethod
    def from_env(cls) -> Self:
        """The cluster that the process before us started."""
        facts = json.loads(os.environ[ENVIRONMENT_NAME])
        return cls(**facts | {"folder": Path(facts["folder"])})

    def to_env(self) -> None:
        """Tell processes started from now on where the cluster is."""
        os.environ[ENVIRONMENT_NAME] = json.dumps(dataclasses.asdict(self) | {"folder": str(self.folder)})

    def url(self, role: str, database: str) -> str:
        """An address with the password in it."""
        return f"postgresql://{role}:{self.passwords[role]}@{self.host}:{self.port}/{database}"

    def make_template(self, migrate: Callable[[str], None], *changes: str, name: str = TEMPLATE) -> None:
        """Make a database, let `migrate` fill it (given the owner's address), and close it to visitors for cloning.

        `changes` are statements for what tests want otherwise than a new database has it.
        """
        self.execute(f"CREATE DATABASE {_plain(name)} OWNER {OWNER} STRATEGY FILE_COPY", *restrict(name))
        migrate(self.url(OWNER, name))
        self.execute(*changes, database=name)
        self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")

    def clone(self, template: str = TEMPLATE) -> Database:
        """Make a database with what is in the template."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(
            f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {_plain(template)} STRATEGY FILE_COPY", *restrict(name)
        )
        return Database(name, self.url(OWNER, name), self.url(APP, name))

    def drop(self, name: str) -> None:
        """Remove a database, ending connections to it."""
        self.execute(f"DROP DATABASE IF EXISTS {_plain(name)} WITH (FORCE)")

    def execute(self, *statements: str, database: str = SUPERUSER) -> None:
        """Run statements as superuser. May be called with or without a running event loop."""
        url = self.url(SUPERUSER, database)
        if database != SUPERUSER:
            with closing(_Line(url)) as line:
                line.execute(statements)
            return
        if url not in _lines:
            _lines[url] = _Line(url)
        _lines[url].execute(statements)

    def stop(self) -> None:
        """Stop the server and remove its files. Only the process that started it can."""
        _held.pop(self.folder).__exit__(None, None, None)
        os.environ.pop(ENVIRONMENT_NAME, None)
        remove(self.folder)


def hang_up() -> None:
    """Close what this process has kept open to run statements."""
    while _lines:
        _lines.popitem()[1].close()


def start_cluster() -> Cluster:
    """Start a server in memory where there is memory to have, else in the temporary folder."""
    base = memory_folder()
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    server = EmbeddedPostgres(folder, options=OPTIONS)
    server.__enter__()
    _held[folder] = server
    cluster = Cluster(folder, server.host, server.port, dict(server.passwords))
    cluster.to_env()
    return cluster


def memory_folder() -> Path:
    """A folder held in memory, with room for some clusters; else the temporary folder."""
    memory = Path("/dev/shm")  # noqa: S108 - what is made there has a random name and belongs to us alone
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30:
        return memory
    return Path(tempfile.gettempdir())


def _sweep(base: Path) -> None:
    """Remove what runs left that were killed: the folders whose lock nobody holds."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.geteuid() or time.time() - folder.stat().st_mtime < 60:
                continue
            with (folder / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)


class _Line:
    """A connection with an event loop and a thread of its own; to make one takes longer than most statements."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements, each in a transaction of its own."""
        asyncio.run_coroutine_threadsafe(self._execute(statements), self._loop).result()

    def close(self) -> None:
        """Hang up."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _execute(self, statements: Sequence[str]) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._url)
        for statement in statements:
            await self._connection.execute(statement)

    async def _hang_up(self) -> None:
        if self._connection is not None:
            await self._connection.close()


def _plain(name: str) -> str:
    """Names of databases go into statements as they are."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ValueError(name)
    return name
