"""Seals columns anew under the suite that is written, each under the data key it had."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import Row, Table, select, tuple_

from app.core import logging
from app.core.db import Session, bucket_of
from app.core.sealing import DataKey
from app.core.suites import MARKS
from app.models.base import Sealed
from app.models.people import Home
from app.services.rekeying import columns, rows
from app.services.rekeying.parts import Moved, Taken
from app.services.rekeying.rows import Change, Page
from app.services.rekeying.tools import Found, Tools

_log = logging.logger(__name__)


def parts() -> list[str]:
    """Return the tables that hold sealed columns."""
    return [table.name for table in columns.tables(Sealed)]


async def go(tools: Tools, taken: Taken, most: int) -> Found:
    """Seal what some rows hold under the suite that is written."""
    table = columns.named(taken.part)

    async def read(session: Session) -> tuple[Page, Mapping[UUID, bytes]]:
        page = await rows.page(session, table, taken.position, most)
        return page, await _homes(session, _homes_of(table, page))

    page, wrapped = await tools.db.run(read)
    changes, left = list[Change](), 0
    for row in page.rows:
        change = Change(rows.key_of(table, row), {}, {})
        for name, sealed in _old(tools, table, row).items():
            home: UUID | None = None if sealed.home is None else getattr(row, sealed.home)
            if home is not None and not wrapped.get(home):  # erased with its key: nobody can open it any more
                continue
            key = tools.db.vault.system if home is None else await tools.db.vault.unlock(wrapped[home])
            try:
                change.new[name] = _anew(table, row, name, sealed, key)
            except InvalidTag:
                left += 1
                _log.warning("column_not_sealed_anew", column=f"{table.name}.{name}")
            else:
                change.old[name] = getattr(row, name)
        changes += [change] if change.new else []
    return Found(Moved(page.position, len(page.rows), left=left), table, changes)


def _old(tools: Tools, table: Table, row: Row[Any]) -> Mapping[str, Sealed]:
    """Return the columns of a row that are sealed under another suite than the one that is written."""
    mark = MARKS[tools.db.vault.suite]
    held = columns.holding(table, Sealed)
    return {name: sealed for name, sealed in held.items() if (getattr(row, name) or mark)[:1] != mark}


def _anew(table: Table, row: Row[Any], name: str, sealed: Sealed, key: DataKey) -> bytes:
    column = f"{table.name}.{name}" + ("" if sealed.within is None else f".{getattr(row, sealed.within)}")
    bound_to = getattr(row, sealed.row)
    return key.seal_bytes(column, bound_to, key.open_bytes(column, bound_to, getattr(row, name)))


def _homes_of(table: Table, page: Page) -> set[UUID]:
    named = {sealed.home for sealed in columns.holding(table, Sealed).values() if sealed.home is not None}
    return {getattr(row, name) for row in page.rows for name in named} - {None}


async def _homes(session: Session, ids: set[UUID]) -> Mapping[UUID, bytes]:
    found = await session.execute(
        select(Home.id, Home.wrapped_key).where(
            tuple_(Home.bucket, Home.id).in_([(bucket_of(each), each) for each in ids])
        )
    )
    return {home_id: wrapped for home_id, wrapped in found}
