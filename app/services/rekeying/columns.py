"""What of the tables a job goes through: read off the columns, which say themselves what their bytes are."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, Table

from app.models.base import Base, Digest, Held, Sealed, Wrapped

Kind = TypeVar("Kind", Digest, Sealed, Wrapped)


def said(column: Column[Any]) -> Held | None:
    """Return what a column says its bytes are."""
    found: Held | None = column.info.get("held")
    return found


def holding(table: Table, kind: type[Kind]) -> Mapping[str, Kind]:
    """Return the columns of a table whose bytes are of a kind, by name, each with what it says."""
    return {column.name: found for column in table.columns if isinstance(found := said(column), kind)}


def tables(kind: type[Kind]) -> Sequence[Table]:
    """Return the tables that hold bytes of a kind."""
    return [table for table in Base.metadata.sorted_tables if holding(table, kind)]


def digests() -> Iterator[tuple[Table, str, Digest]]:
    """Go through every column of keyed digests."""
    for table in tables(Digest):
        for name, digest in holding(table, Digest).items():
            yield table, name, digest


def key_of(table: Table) -> list[Column[Any]]:
    """Return the columns of a table's primary key, in its order."""
    return list(table.primary_key.columns)


def leads_to(table: Table) -> str:
    """Return the column that says whom a digest finds, in a table of what can be taken once."""
    return next(name for name in ("person_id", "account_id") if name in table.c)


@cache
def named(name: str) -> Table:
    """Return the table of a name."""
    return Base.metadata.tables[name]
