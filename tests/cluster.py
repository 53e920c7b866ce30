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
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import asyncpg

from app.adapters.postgres import EmbeddedPostgres
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

    def make_template(self, migrate: Callable[[str], None], name: str = TEMPLATE) -> None:
        """Make a database, let `migrate` fill it (given the owner's address), and close it to visitors for cloning."""
        self.execute(f"CREATE DATABASE {_plain(name)} OWNER {OWNER} STRATEGY FILE_COPY", *restrict(name))
        migrate(self.url(OWNER, name))
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
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _execute(self.url(SUPERUSER, database), statements)).result()

    def stop(self) -> None:
        """Stop the server and remove its files. Only the process that started it can."""
        _held.pop(self.folder).__exit__(None, None, None)
        os.environ.pop(ENVIRONMENT_NAME, None)
        _remove(self.folder)


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
                _remove(folder)


def _remove(folder: Path) -> None:
    data = folder / "data"
    if data.is_symlink():  # behind a door that the server's account cannot pass, the data lies elsewhere
        shutil.rmtree(data.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _plain(name: str) -> str:
    """Names of databases go into statements as they are."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ValueError(name)
    return name
