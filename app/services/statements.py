"""Papers that anybody can ask about: drawn, sealed for whom they are about, vouched for by a number of 128 bits.

    number = new_number()
    file_id = await prepare(db, papers, store, …)   # no connection is held while it is drawn and stored
    statement = await issue(session, file_id)       # in the unit of work that decides, and writes down who did it

The number is what others have in their hands: whoever knows it is told whether the paper is ours, of which day, and
its SHA-256; never whose it is.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import NotFound
from app.models.documents import DocumentState
from app.models.statements import StatementFile, StatementKind, StatementNumber
from app.ports.papers import Paper, Papers
from app.ports.storage import ObjectStore
from app.services import files, policies
from app.services.people import homes

_KIND: Final = "statement-number"
_COLUMN: Final = "statement_file.number"
_NUMBER: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Pdf:
    """A PDF file as it is put into the store; `sha256` in hex."""

    content: bytes = field(repr=False)
    sha256: str
    media_type: str = "application/pdf"

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return a file of these bytes."""
        return cls(content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was issued; its file is kept until `kept_until`, its number is answered until `valid_until`."""

    id: UUID
    kind: StatementKind
    number: str = field(repr=False)
    sha256: str
    issued_at: datetime
    kept_until: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """What anybody is told of a statement that is ours; `sha256` in hex."""

    sha256: str
    issued_at: datetime


def new_number() -> str:
    """Return a number that nobody can guess: 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def printed(number: str) -> str:
    """Return a number as people read it: capitals, four and four."""
    return "-".join(number[start : start + 4] for start in range(0, len(number), 4)).upper()


def address_of(public_url: str, number: str) -> str:
    """Return where others ask about a number: what a statement's QR code holds."""
    return f"{public_url.rstrip('/')}/v1/statements/{number}"


async def prepare(
    db: Database,
    papers: Papers,
    store: ObjectStore,
    *,
    home_id: UUID,
    kind: StatementKind,
    number: str,
    compose: Callable[[], Paper],
) -> UUID:
    """Draw a statement and put it into the store; return its id. Nobody can read or verify it before `issue`.

    Args:
        home_id: the home of whom it is about.
        compose: writes the paper, which bears `number`.

    Raises:
        PapersBusy: it cannot be drawn just now.
        StorageUnavailable: it cannot be stored; what was begun is swept.
    """
    pdf = Pdf.of(await papers.draw(compose()))
    file_id = new_id(bucket_of(home_id))

    async def begin(session: Session) -> None:
        if await session.get(StatementFile, (bucket_of(file_id), file_id)) is not None:  # committed before, unheard
            return
        key = await homes.key_of(session, home_id)
        row = StatementFile(
            bucket=bucket_of(file_id),
            id=file_id,
            home_id=home_id,
            kind=kind,
            number=key.seal(_COLUMN, file_id, number),
        )
        await files.begin(session, row, pdf, files.digest_of(session, pdf.content))

    await db.run(begin)
    await files.put(db, store, StatementFile, [file_id], [pdf])
    return file_id


async def issue(session: Session, file_id: UUID) -> Statement:
    """Let a prepared statement be one: its file can be read, its number is vouched for.

    Raises:
        StorageUnavailable: the way here took so long that it was swept.
    """
    rules = (await policies.current(session)).statements
    (row,) = await files.keep(session, StatementFile, [file_id], timedelta(days=rules.file_days))
    key = await homes.key_of(session, row.home_id)
    number = key.open(_COLUMN, row.id, row.number)
    valid_until = await vouch(session, number, row.sha256, row.created_at)
    return Statement(row.id, row.kind, number, row.sha256.hex(), row.created_at, row.purge_at, valid_until)


async def vouch(session: Session, number: str, sha256: bytes, issued_at: datetime) -> datetime:
    """Write down that a paper is ours; return until when its number is answered.

    For papers that lie in no home, such as the receipt of an erasure; the others are issued.
    """
    rules = (await policies.current(session)).statements
    valid_until = issued_at + timedelta(days=rules.valid_days)
    row = insert(StatementNumber).values(
        bucket=session.lookup.bucket(_KIND, number),
        number_hmac=session.lookup.lasting(_KIND, number),
        sha256=sha256,
        issued_at=issued_at,
        valid_until=valid_until,
    )
    await session.execute(row.on_conflict_do_nothing())  # by ourselves, unheard: nobody draws the same 128 bits
    return valid_until


async def verify(session: Session, text: str) -> Verified | None:
    """Say what a number stands for, if it is one of ours and is answered still; as it is printed or as it is linked."""
    number = re.sub(r"[\s-]", "", text).lower()
    if not _NUMBER.fullmatch(number):
        return None
    row = await session.scalar(
        select(StatementNumber).where(
            StatementNumber.bucket == session.lookup.bucket(_KIND, number),
            StatementNumber.number_hmac.in_(_digests(session, number)),
            StatementNumber.valid_until > session.now,
        )
    )
    return None if row is None else Verified(row.sha256.hex(), row.issued_at)


async def page(
    session: Session, home_id: UUID, kind: StatementKind, after: tuple[datetime, UUID] | None, most: int
) -> Sequence[Statement]:
    """Return a home's statements of a kind whose files are kept, the newest first, from behind a row on."""
    wanted = select(StatementFile).where(
        StatementFile.bucket == bucket_of(home_id),
        StatementFile.home_id == home_id,
        StatementFile.kind == kind,
        StatementFile.state == DocumentState.STORED,
        StatementFile.purge_at > session.now,
    )
    if after is not None:
        wanted = wanted.where(tuple_(StatementFile.created_at, StatementFile.id) < after)
    newest = wanted.order_by(StatementFile.created_at.desc(), StatementFile.id.desc()).limit(most)
    rows = (await session.scalars(newest)).all()
    key = await homes.key_of(session, home_id)
    numbers = [key.open(_COLUMN, row.id, row.number) for row in rows]
    until = await _answered_until(session, numbers)
    return [
        Statement(row.id, row.kind, number, row.sha256.hex(), row.created_at, row.purge_at, until[number])
        for row, number in zip(rows, numbers, strict=True)
    ]


async def find(session: Session, home_id: UUID, kind: StatementKind, statement_id: UUID) -> StatementFile:
    """Return the row of one of a home's statements of a kind; its file is read with `files.read`.

    Raises:
        NotFound: it is not this home's, was not issued, or is no longer kept.
    """
    row = await session.get(StatementFile, (bucket_of(home_id), statement_id), populate_existing=True)
    if row is None or (row.home_id, row.kind, row.state) != (home_id, kind, DocumentState.STORED):
        raise NotFound
    if row.purge_at <= session.now:
        raise NotFound
    return row


async def _answered_until(session: Session, numbers: Sequence[str]) -> dict[str, datetime]:
    digests = {digest: number for number in numbers for digest in _digests(session, number)}
    rows = await session.execute(
        select(StatementNumber.number_hmac, StatementNumber.valid_until).where(
            StatementNumber.bucket.in_({session.lookup.bucket(_KIND, number) for number in numbers}),
            StatementNumber.number_hmac.in_(digests),
        )
    )
    return {digests[digest]: valid_until for digest, valid_until in rows}


def _digests(session: Session, number: str) -> list[bytes]:
    """Return what a number is found by: nobody guesses it, so it needs no pepper, which the first ones had."""
    return [session.lookup.lasting(_KIND, number), *session.lookup.digests(_KIND, number)]
