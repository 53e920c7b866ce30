"""Goes through a table by its key, some rows at a time, and changes those that are still as they were read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, CursorResult, Row, Table, literal, select, tuple_, update

from app.core.db import Session
from app.services.rekeying import columns


@dataclass(frozen=True, slots=True)
class Change:
    """New values of a row, by column, and those that they take the place of."""

    key: Mapping[str, Any]
    old: dict[str, bytes] = field(repr=False)
    new: dict[str, bytes | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a table in the order of its key; `position` is behind the last one, None when there are no more."""

    rows: Sequence[Row[Any]]
    position: str | None


async def page(session: Session, table: Table, after: str | None, most: int) -> Page:
    """Return the next rows behind a position."""
    key = columns.key_of(table)
    wanted = select(table).order_by(*key).limit(most)
    if after is not None:
        values = [
            literal(_read(column, text), column.type) for column, text in zip(key, json.loads(after), strict=True)
        ]
        wanted = wanted.where(tuple_(*key) > tuple_(*values))
    found = (await session.execute(wanted)).all()
    if len(found) < most:
        return Page(found, None)
    return Page(found, json.dumps([_written(getattr(found[-1], column.name)) for column in key]))


def key_of(table: Table, row: Row[Any]) -> dict[str, Any]:
    """Return the key of a row."""
    return {column.name: getattr(row, column.name) for column in columns.key_of(table)}


async def apply(session: Session, table: Table, change: Change) -> int:
    """Change a row, unless somebody else has; return how many rows that were."""
    same = [table.c[name] == value for name, value in {**change.key, **change.old}.items()]
    done = await session.execute(update(table).where(*same).values(change.new))
    assert isinstance(done, CursorResult)
    return done.rowcount


def _written(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _read(column: Column[Any], text: Any) -> object:  # Any: what JSON has
    kind = column.type.python_type
    if issubclass(kind, bytes):
        return bytes.fromhex(text)
    if issubclass(kind, UUID):
        return UUID(text)
    if issubclass(kind, datetime | date):
        return kind.fromisoformat(text)
    return text
