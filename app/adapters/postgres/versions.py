"""Which schema this version of the code needs, and which a database has; quick, for every start asks it."""

import re
from pathlib import Path
from typing import Final

import asyncpg

MIGRATIONS: Final = Path(__file__).parents[3] / "migrations"

_REVISION = re.compile(r'^(revision|down_revision)\b[^=\n]*=\s*"(\w+)"', re.MULTILINE)


def newest() -> str:
    """Return the revision that no migration follows; read from the files, for loading Alembic takes half a second.

    Raises:
        ValueError: there is not exactly one.
    """
    made: set[str] = set()
    followed: set[str] = set()
    for path in (MIGRATIONS / "versions").glob("*.py"):
        for kind, revision in _REVISION.findall(path.read_text(encoding="utf-8")):
            (made if kind == "revision" else followed).add(revision)
    (head,) = made - followed
    return head


async def present(url: str) -> str | None:
    """Return the revision of a database, None before the first migration.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: it cannot be reached.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return revision
