"""Proves that nothing needs an old key any more: every row that could is counted, across all homes."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, case, exists, func, select

from app.core.db import BUCKETS, Session
from app.models.base import Wrapped
from app.models.rekeying import RekeyJob
from app.ports.keys import KeyKind
from app.services.rekeying import columns, parts, working
from app.services.rekeying.tools import Tools

SETTLING: Final = timedelta(days=1)
"""So long after its re-keying an old key stays: counters of tries live a day, and a slow server is seen by then."""

_SLICE: Final = BUCKETS // 64
_MANY: Final = 100_000
_JOBS: Final = {KeyKind.PEPPER: RekeyJob.PEPPER, KeyKind.WRAPPING: RekeyJob.WRAPPING}


class NotYet(Exception):
    """An old key is needed still; the message says why."""


async def require_unused(tools: Tools, kind: KeyKind, version: int) -> None:
    """Check that nothing in the database needs a version of a key.

    Raises:
        NotYet: it is needed, or nobody can know.
    """
    job = _JOBS.get(kind)
    if job is None:
        raise NotYet("what was signed is verified for years: signing keys stay")
    await _require_finished(tools, job)
    used = await uses(tools, kind, version)
    if used:
        told = ", ".join(f"{column} ({count})" for column, count in sorted(used.items()))
        raise NotYet(f"{kind} key {version} is needed still by {told}: wait, or `escard keys rekey` once more")


async def uses(tools: Tools, kind: KeyKind, version: int) -> Mapping[str, int]:
    """Count the rows that need a version of a key, by `table.column`."""
    found: dict[str, int] = {}
    for table, name, condition in _conditions(tools, kind, version):
        count = 0
        for within in await tools.db.run(partial(_slices, table)):
            count += await tools.db.run(partial(_count, table, and_(condition, *within)))
        if count:
            found[f"{table.name}.{name}"] = count
    return found


async def _require_finished(tools: Tools, job: RekeyJob) -> None:
    target = tools.targets()[job]
    found = [each for each in await tools.db.run(parts.progress) if (each.job, each.target) == (job, target)]
    finished = [each.finished_at for each in found if each.finished_at is not None]
    if {each.part for each in found} < set(working.parts_of(job)) or len(finished) < len(found):
        raise NotYet("not everything is under the new key: `escard keys rekey` comes first")
    if max(finished) + SETTLING > tools.db.clock.now():
        raise NotYet("the last row was brought under the new key less than a day ago: wait until a day has passed")


def _conditions(tools: Tools, kind: KeyKind, version: int) -> list[tuple[Table, str, ColumnElement[bool]]]:
    if kind is KeyKind.WRAPPING:
        return [
            (table, name, func.substring(table.c[name], 1, 2) == version.to_bytes(2))
            for table in columns.tables(Wrapped)
            for name in columns.holding(table, Wrapped)
        ]
    written = tools.keys.written(KeyKind.PEPPER)
    return [
        (table, name, and_(_made_under(table.c[name], version), *_alone(table, written)))
        for table, name, digest in columns.digests()
        if digest.told_apart
    ]


def _made_under(column: Any, version: int) -> ColumnElement[bool]:
    """Say that a digest was made under a pepper (`app.core.sealing.Lookup`)."""
    length = func.octet_length(column)
    made: ColumnElement[bool] = case((length == 32, 1), (length == 33, func.get_byte(column, 0)), else_=-1) == version
    return made


def _alone(table: Table, written: int) -> list[ColumnElement[bool]]:
    """Say that a row has none beside it that leads to the same under the pepper that is written."""
    if "key_version" not in table.c:
        return []
    other = table.alias("other")
    leads_to = columns.leads_to(table)
    same = other.c.bucket == table.c.bucket, other.c[leads_to] == table.c[leads_to], other.c.key_version == written
    return [~exists().where(*same)]


async def _slices(table: Table, session: Session) -> list[list[ColumnElement[bool]]]:
    """Return the slices in which a table is counted: a small one is counted at once."""
    rows = await session.scalar(select(func.count()).select_from(select(table.c[0]).limit(_MANY).subquery())) or 0
    if rows < _MANY or "bucket" not in table.c:
        return [[]]
    return [[table.c.bucket.between(start, start + _SLICE - 1)] for start in range(0, BUCKETS, _SLICE)]


async def _count(table: Table, condition: ColumnElement[bool], session: Session) -> int:
    return await session.scalar(select(func.count()).select_from(table).where(condition)) or 0
