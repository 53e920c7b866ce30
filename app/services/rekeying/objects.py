"""Seals files in the object store anew, each under a new key of the store, while people look at them.

    the row names the new object -> it is put -> the row reads it, and names the old one -> that is deleted

Wherever that is cut off, the row knows both objects. Who comes later marks the one that is not read, so that whoever
was cut off, or is only slow, cannot let the row read it any more; then deletes it, and begins again.
"""

import asyncio
import secrets
from datetime import timedelta
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, CursorResult, Row, update

from app.core import logging
from app.core.db import Session
from app.core.suites import MARKS
from app.models.documents import DocumentState, EvidenceFile
from app.ports.storage import ObjectMissing, StorageUnavailable
from app.services import files
from app.services.rekeying import columns, rows
from app.services.rekeying.parts import Moved, Taken
from app.services.rekeying.tools import Found, Tools

_SUFFIX: Final = ".object"
_SOON: Final = timedelta(minutes=15)
_AT_ONCE: Final = 5  # so that a step is over before somebody else may take it

_log = logging.logger(__name__)


def parts() -> list[str]:
    """Return a part for each table of files."""
    return [table.__tablename__ + _SUFFIX for table in files.TABLES]


def is_one(part: str) -> bool:
    """Say whether a part is one of these."""
    return part.endswith(_SUFFIX)


async def go(tools: Tools, taken: Taken, most: int) -> Found:
    """Move some files to objects that are sealed under the suite that is written."""
    table = next(each for each in files.TABLES if each.__tablename__ == taken.part.removesuffix(_SUFFIX))
    stored = columns.named(table.__tablename__)
    page = await tools.db.run(lambda session: rows.page(session, stored, taken.position, min(most, _AT_ONCE)))
    soon, changed, left = tools.db.clock.now() + _SOON, 0, 0
    for row in page.rows:
        if row.state == DocumentState.PENDING or row.purge_at <= soon:
            continue
        try:
            changed += await _move(tools, table, row)
        except (ObjectMissing, InvalidTag, StorageUnavailable) as error:
            left += 1
            _log.warning("file_not_sealed_anew", file_id=str(row.id), table=table.__tablename__, exc_info=error)
    return Found(Moved(page.position, len(page.rows), changed, left), stored)


async def _move(tools: Tools, table: type[EvidenceFile], row: Row[Any]) -> int:
    """Seal one file anew; return 1 if that was done."""
    if row.moving_key is not None and not await _clear(tools, table, row):
        return 0
    old = await tools.store.get(row.object_key)
    if old[:1] == MARKS[tools.db.vault.suite]:
        return 0
    key, sealed_as = await tools.db.vault.unlock(row.wrapped_key), files.sealed_as(table.__tablename__)
    content = await asyncio.to_thread(key.open_bytes, sealed_as, row.id, old)
    new = await asyncio.to_thread(key.seal_bytes, sealed_as, row.id, content)
    to = f"evidence/{row.bucket:04x}/{row.id}.{secrets.token_hex(8)}"
    here = table.bucket == row.bucket, table.id == row.id
    if not await _set(
        tools, table, (*here, table.object_key == row.object_key, table.moving_key.is_(None)), moving_key=to
    ):
        return 0
    await tools.store.put(to, new)
    ours = (*here, table.object_key == row.object_key, table.moving_key == to)
    if not await _set(tools, table, ours, object_key=to, moving_key=row.object_key):
        await tools.store.delete(to)  # somebody else goes on with it, or it was swept
        return 0
    await tools.store.delete(row.object_key)
    await _set(tools, table, (*here, table.moving_key == row.object_key), moving_key=None)
    return 1


async def _clear(tools: Tools, table: type[EvidenceFile], row: Row[Any]) -> bool:
    """Delete what an earlier move has left; say whether the row still reads what it did."""
    left = files.moving_from(row.moving_key)
    here = table.bucket == row.bucket, table.id == row.id, table.object_key == row.object_key
    marked = files.GIVEN_UP + left
    if not await _set(tools, table, (*here, table.moving_key.in_([left, marked])), moving_key=marked):
        return False
    await tools.store.delete(left)
    return await _set(tools, table, (*here, table.moving_key == marked), moving_key=None)


async def _set(
    tools: Tools, table: type[EvidenceFile], where: tuple[ColumnElement[bool], ...], **values: str | None
) -> bool:
    return await tools.db.run(partial(_update, table, where, values))


async def _update(
    table: type[EvidenceFile], where: tuple[ColumnElement[bool], ...], values: dict[str, str | None], session: Session
) -> bool:
    done = await session.execute(
        update(table).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    assert isinstance(done, CursorResult)
    return done.rowcount == 1
