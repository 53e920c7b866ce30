"""Files of people: sealed into the object store, and gone from it in time, whatever happened.

The row comes first (pending, with its key and its deadline), then the object, then the row says `stored`. Whatever is
left behind by a crash at any point is found by its deadline.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import delete, select

from app.core.db import Database, Session, bucket_of
from app.core.sealing import DataKey
from app.models.card_orders import CardPhoto
from app.models.documents import Document, DocumentState, EvidenceFile
from app.models.faces import FaceFrame
from app.models.statements import StatementFile
from app.ports.storage import ObjectExists, ObjectMissing, ObjectStore, StorageUnavailable

TABLES: Final[tuple[type[EvidenceFile], ...]] = (Document, FaceFrame, CardPhoto, StatementFile)
"""Every table whose rows have an object in the store."""

GIVEN_UP: Final = "!"
"""Comes before a `moving_key` whose object nobody may take any more."""

Row = TypeVar("Row", bound=EvidenceFile)

_PENDING_LIFETIME = timedelta(minutes=15)
_FAILURES_BORNE = 3


class FileContent(Protocol):
    """What is put into the store: the bytes, their type, and their SHA-256 in hex."""

    @property
    def content(self) -> bytes: ...

    @property
    def media_type(self) -> str: ...

    @property
    def sha256(self) -> str: ...


def digest_of(session: Session, content: bytes) -> bytes:
    """Return the keyed digest by which the same file is known again; nobody guesses one, so it needs no pepper."""
    return session.lookup.lasting("upload", hashlib.sha256(content).hexdigest())


async def begin(session: Session, row: EvidenceFile, file: FileContent, digest: bytes) -> UUID:
    """Write down what will be put into the store, before it is; return the row's id.

    Args:
        row: names its bucket and id, and what the file is about.
        digest: of the file as it was sent.
    """
    wrapped, _ = await session.vault.create()
    row.state = DocumentState.PENDING
    row.object_key = f"evidence/{row.bucket:04x}/{row.id}"
    row.moving_key = None
    row.wrapped_key = wrapped
    row.upload_hmac = digest
    row.sha256 = bytes.fromhex(file.sha256)
    row.media_type = file.media_type
    row.size_bytes = len(file.content)
    row.created_at = session.now
    row.purge_at = session.now + _PENDING_LIFETIME
    session.add(row)
    return row.id


async def put(
    db: Database, store: ObjectStore, table: type[EvidenceFile], ids: Sequence[UUID], contents: Sequence[FileContent]
) -> None:
    """Put what was begun into the store, sealed; no connection is held.

    Raises:
        StorageUnavailable: not all could be stored; what was begun is swept.
    """

    async def rows(session: Session) -> list[tuple[EvidenceFile, DataKey]]:
        found = [await session.get_one(table, (bucket_of(each), each)) for each in ids]
        return [(row, await session.vault.unlock(row.wrapped_key)) for row in found]

    for (row, key), file in zip(await db.run(rows), contents, strict=True):
        try:
            # In a thread: SM4 takes 9 ms a MiB here, and lets go of the interpreter lock.
            sealed = await asyncio.to_thread(key.seal_bytes, sealed_as(row.__tablename__), row.id, file.content)
            await store.put(row.object_key, sealed)
        except ObjectExists:  # our own, from a unit of work that is done again
            continue


async def keep(session: Session, table: type[Row], ids: Sequence[UUID], lifetime: timedelta) -> Sequence[Row]:
    """Let files that lie in the store be `stored`, for so long at most from their creation.

    Raises:
        StorageUnavailable: the way here took so long that they were swept; send them again.
    """
    rows = await _begun(session, table, ids)
    if len(rows) < len(ids) or any(row.purge_at <= session.now for row in rows):
        raise StorageUnavailable
    for row in rows:
        row.state, row.purge_at = DocumentState.STORED, row.created_at + lifetime
    return rows


async def drop(session: Session, table: type[EvidenceFile], ids: Sequence[UUID]) -> None:
    """Let files go that were begun and are not needed after all."""
    for row in await _begun(session, table, ids):
        row.purge_at = min(row.purge_at, session.now)


def detach(row: EvidenceFile, deadline: datetime) -> None:
    """Take a file from what it belonged to, and let it go at a moment, if not earlier."""
    row.state = DocumentState.DETACHED
    row.purge_at = min(row.purge_at, deadline)


async def read(db: Database, store: ObjectStore, row: EvidenceFile) -> bytes:
    """Return a file's content; no connection is held.

    Raises:
        StorageUnavailable: the store does not answer, or has lost it.
    """
    key = await db.vault.unlock(row.wrapped_key)
    try:
        sealed = await store.get(row.object_key)
    except ObjectMissing:
        sealed = await _moved(db, store, row)
    return await asyncio.to_thread(key.open_bytes, sealed_as(row.__tablename__), row.id, sealed)


async def _moved(db: Database, store: ObjectStore, row: EvidenceFile) -> bytes:
    """Return an object that was sealed anew, under another key, since its row was read."""
    table = type(row)
    here = select(table.object_key).where(table.bucket == row.bucket, table.id == row.id)
    object_key = await db.run(lambda session: session.scalar(here))
    if object_key is None or object_key == row.object_key:
        raise StorageUnavailable
    try:
        return await store.get(object_key)
    except ObjectMissing as error:
        raise StorageUnavailable from error


async def sweep(db: Database, store: ObjectStore, *, most: int = 200) -> int:
    """Delete what is due: the object first, then its row. Return how many went: of each table so many at most.

    An object that cannot be deleted keeps none of the others; a store that fails again and again is left in peace.

    Raises:
        StorageUnavailable: some could not be deleted; their rows stay and are found again.
    """
    found = [(table, each) for table in TABLES for each in await db.run(partial(_due, table, most))]
    failures = 0
    for table, due in found:
        try:
            for object_key in due.objects:
                await store.delete(object_key)
        except StorageUnavailable:
            failures += 1
            if failures > _FAILURES_BORNE:
                raise
            continue
        await db.run(partial(_forget, table, due))
    if failures:
        raise StorageUnavailable
    return len(found)


@dataclass(frozen=True, slots=True)
class _Due:
    """A file whose time is over, and its object; two, while it is moved."""

    id: UUID
    object_key: str
    moving_key: str | None

    @property
    def objects(self) -> list[str]:
        return [self.object_key, *([] if self.moving_key is None else [moving_from(self.moving_key)])]


async def _due(table: type[EvidenceFile], most: int, session: Session) -> list[_Due]:
    rows = await session.execute(
        select(table.id, table.object_key, table.moving_key)
        .where(table.purge_at <= session.now)
        .order_by(table.purge_at)
        .limit(most)
    )
    return [_Due(*row) for row in rows]


async def _forget(table: type[EvidenceFile], due: _Due, session: Session) -> None:
    """Delete a row whose objects are gone, unless there are others by now: those are found the next time."""
    await session.execute(
        delete(table).where(
            table.bucket == bucket_of(due.id),
            table.id == due.id,
            table.object_key == due.object_key,
            table.moving_key.is_not_distinct_from(due.moving_key),
        )
    )


async def _begun(session: Session, table: type[Row], ids: Sequence[UUID]) -> Sequence[Row]:
    """Return the rows that were begun and are there still, locked."""
    rows = [
        await session.get(table, (bucket_of(each), each), with_for_update=True, populate_existing=True) for each in ids
    ]
    return [row for row in rows if row is not None]


def sealed_as(table: str) -> str:
    """Name what a table's files are sealed as: each opens in its own row alone."""
    return f"{table}.object"


def moving_from(moving_key: str) -> str:
    """Return the key of the object that a row does not read; marked, it is to be deleted and never read again."""
    return moving_key.removeprefix(GIVEN_UP)
