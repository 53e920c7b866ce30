"""Evidence files: sealed into the object store, and gone from it in time, whatever happened.

The row comes first (pending, with its key and its deadline), then the object, then the row says `stored`. Whatever is
left behind by a crash at any point is found by its deadline.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Select, delete, select

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Invalid
from app.core.sealing import DataKey
from app.models.documents import Document, DocumentKind, DocumentState, FailedImage
from app.ports.images import ImageUse, PreparedImage
from app.ports.storage import ObjectExists, ObjectMissing, ObjectStore, StorageUnavailable
from app.services import policies
from app.services.policies import ImageQuality

MOST_PAGES = 4
_PENDING_LIFETIME = timedelta(minutes=15)
_FAILURES_BORNE = 3
_COLUMN = "document.object"


class ImageAlreadyFailed(Invalid):
    """This very file has failed for this person before: take another picture."""

    code = "image-already-failed"


class ImageBlurred(Invalid):
    """Nothing in the picture is sharp enough to be read or compared."""

    code = "image-blurred"


class ImageGlare(Invalid):
    """A lamp or the sun shines in the paper."""

    code = "image-glare"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came for an enrolment: what it shows, its first page, and its keyed digest as it was sent."""

    home_id: UUID
    enrolment_id: UUID
    kind: DocumentKind
    page: int
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attached:
    """A page an enrolment has."""

    kind: DocumentKind
    page: int
    digest: bytes = field(repr=False)


def use_of(kind: DocumentKind) -> ImageUse:
    """Return how a file of this kind is treated: registers may be PDF files, faces are kept smaller."""
    if kind is DocumentKind.FACIAL_PHOTO:
        return ImageUse.FACE
    return ImageUse.REGISTER if kind is DocumentKind.HOUSEHOLD_REGISTER else ImageUse.DOCUMENT


def digest_of(session: Session, content: bytes) -> bytes:
    """Return the keyed digest by which the same file is known again."""
    return session.lookup.digest("upload", hashlib.sha256(content).hexdigest())


def require_readable(rules: ImageQuality, kind: DocumentKind, image: PreparedImage) -> None:
    """Check that somebody can make something of a picture; a face may be bright, a paper may not shine.

    Raises:
        ImageBlurred, ImageGlare: take another.
    """
    if image.sharpness < rules.sharpness:
        raise ImageBlurred
    if image.glare > rules.glare and kind is not DocumentKind.FACIAL_PHOTO:
        raise ImageGlare


async def attached(session: Session, home_id: UUID, enrolment_id: UUID) -> Sequence[Attached]:
    """Return the pages an enrolment has."""
    rows = await session.scalars(_stored(home_id, enrolment_id))
    return [Attached(row.kind, row.page, row.upload_hmac) for row in rows]


async def is_attached(session: Session, upload: Upload) -> bool:
    """Say whether this very file is at its place already."""
    have = await attached(session, upload.home_id, upload.enrolment_id)
    return Attached(upload.kind, upload.page, upload.digest) in have


async def begin(session: Session, upload: Upload, pages: Sequence[PreparedImage]) -> list[UUID]:
    """Write down what will be put into the store, before it is.

    Args:
        pages: the prepared images, in order; they take the pages from `upload.page` on.
    """
    made = []
    for number, image in enumerate(pages, start=upload.page):
        wrapped, _ = await session.vault.create()
        document_id = new_id(bucket_of(upload.home_id))
        session.add(
            Document(
                bucket=bucket_of(upload.home_id),
                id=document_id,
                home_id=upload.home_id,
                enrolment_id=upload.enrolment_id,
                kind=upload.kind,
                page=number,
                state=DocumentState.PENDING,
                object_key=f"evidence/{bucket_of(document_id):04x}/{document_id}",
                wrapped_key=wrapped,
                upload_hmac=upload.digest,
                sha256=bytes.fromhex(image.sha256),
                media_type=image.media_type,
                size_bytes=len(image.content),
                created_at=session.now,
                purge_at=session.now + _PENDING_LIFETIME,
            )
        )
        made.append(document_id)
    return made


async def put(db: Database, store: ObjectStore, document_ids: Sequence[UUID], pages: Sequence[PreparedImage]) -> None:
    """Put the sealed pages into the store; no connection is held.

    Raises:
        StorageUnavailable: not all could be stored; what was begun is swept.
    """

    async def rows(session: Session) -> list[tuple[Document, DataKey]]:
        found = [await session.get_one(Document, (bucket_of(each), each)) for each in document_ids]
        return [(row, await session.vault.unlock(row.wrapped_key)) for row in found]

    for (row, key), image in zip(await db.run(rows), pages, strict=True):
        try:
            await store.put(row.object_key, key.seal_bytes(_COLUMN, row.id, image.content))
        except ObjectExists:  # our own, from a unit of work that is done again
            continue


async def attach(session: Session, upload: Upload, document_ids: Sequence[UUID]) -> None:
    """Let stored pages take their places in the enrolment; the files that were there before are detached.

    Raises:
        StorageUnavailable: the way here took so long that the pages were swept; send them again.
    """
    retention = (await policies.current(session)).retention
    is_face = upload.kind is DocumentKind.FACIAL_PHOTO
    lifetime = timedelta(days=retention.face_days if is_face else retention.document_days_at_most)
    await _make_room(session, upload, pages=len(document_ids))
    rows = await _made(session, document_ids)
    if len(rows) < len(document_ids) or any(row.purge_at <= session.now for row in rows):
        raise StorageUnavailable
    for row in rows:
        row.state, row.purge_at = DocumentState.STORED, row.created_at + lifetime


async def drop(session: Session, document_ids: Sequence[UUID]) -> None:
    """Let pages go that are not needed after all."""
    for row in await _made(session, document_ids):
        row.purge_at = min(row.purge_at, session.now)


async def detach(session: Session, home_id: UUID, enrolment_id: UUID, kind: DocumentKind | None = None) -> None:
    """Take pages from an enrolment: a face is to be deleted at once, a paper stays sealed until its deadline.

    Args:
        kind: which kind; all when not said.
    """
    rows = await session.scalars(_stored(home_id, enrolment_id).with_for_update())
    await _detach(session, [row for row in rows if kind in (None, row.kind)])


async def discard(session: Session, home_id: UUID, enrolment_id: UUID, kinds: Collection[DocumentKind]) -> None:
    """Let everything of these kinds go at once, detached or not: nobody agrees to it any more."""
    for row in await session.scalars(_all(home_id, enrolment_id).with_for_update()):
        if row.kind in kinds:
            row.state = DocumentState.DETACHED if row.state is DocumentState.STORED else row.state
            row.purge_at = min(row.purge_at, session.now)
    await session.flush()


async def decide_fate(session: Session, home_id: UUID, enrolment_id: UUID, *, keep_papers: bool) -> None:
    """The enrolment is decided: face images go at once, papers when the review's time is over, or at once too."""
    retention = (await policies.current(session)).retention
    days = retention.document_days_after_decision if keep_papers else 0
    for row in await session.scalars(_all(home_id, enrolment_id).with_for_update()):
        row.purge_at = min(row.purge_at, _deadline(session, row.kind, days))


async def facial_photo(session: Session, home_id: UUID, enrolment_id: UUID) -> Document | None:
    """Return the row of the enrolment's facial photo."""
    row: Document | None = await session.scalar(
        _stored(home_id, enrolment_id).where(Document.kind == DocumentKind.FACIAL_PHOTO)
    )
    return row


async def read(db: Database, store: ObjectStore, row: Document) -> bytes:
    """Return a document's image; no connection is held.

    Raises:
        StorageUnavailable: the store does not answer, or has lost it.
    """
    key = await db.vault.unlock(row.wrapped_key)
    try:
        return key.open_bytes(_COLUMN, row.id, await store.get(row.object_key))
    except ObjectMissing as error:
        raise StorageUnavailable from error


async def require_not_failed(session: Session, owner_id: UUID, member_id: UUID, digest: bytes) -> None:
    """Check that this file has not failed for this (owner, member).

    Raises:
        ImageAlreadyFailed: it has.
    """
    if await session.get(FailedImage, (bucket_of(owner_id), owner_id, member_id, digest)) is not None:
        raise ImageAlreadyFailed


async def remember_failed(session: Session, owner_id: UUID, member_id: UUID, digest: bytes) -> None:
    """Remember that this file has failed for this (owner, member)."""
    await session.merge(
        FailedImage(
            bucket=bucket_of(owner_id), owner_id=owner_id, member_id=member_id, upload_hmac=digest, at=session.now
        )
    )


async def sweep(db: Database, store: ObjectStore, *, most: int = 200) -> int:
    """Delete what is due: the object first, then its row. Return how many went.

    An object that cannot be deleted keeps none of the others; a store that fails again and again is left in peace.

    Raises:
        StorageUnavailable: some could not be deleted; their rows stay and are found again.
    """

    async def due(session: Session) -> list[tuple[UUID, str]]:
        rows = await session.execute(
            select(Document.id, Document.object_key)
            .where(Document.purge_at <= session.now)
            .order_by(Document.purge_at)
            .limit(most)
        )
        return [(document_id, object_key) for document_id, object_key in rows]

    found, failures = await db.run(due), 0
    for document_id, object_key in found:
        try:
            await store.delete(object_key)
        except StorageUnavailable:
            failures += 1
            if failures > _FAILURES_BORNE:
                raise
            continue
        await db.run(partial(_forget, document_id))
    if failures:
        raise StorageUnavailable
    return len(found)


async def _forget(document_id: UUID, session: Session) -> None:
    await session.execute(delete(Document).where(Document.bucket == bucket_of(document_id), Document.id == document_id))


def _all(home_id: UUID, enrolment_id: UUID) -> Select[Document]:
    return (
        select(Document)
        .where(Document.bucket == bucket_of(home_id), Document.enrolment_id == enrolment_id)
        .order_by(Document.kind, Document.page)
        .execution_options(populate_existing=True)
    )


def _stored(home_id: UUID, enrolment_id: UUID) -> Select[Document]:
    return _all(home_id, enrolment_id).where(Document.state == DocumentState.STORED)


async def _made(session: Session, document_ids: Sequence[UUID]) -> Sequence[Document]:
    """Return the rows that were begun and are there still, locked."""
    rows = [
        await session.get(Document, (bucket_of(document_id), document_id), with_for_update=True, populate_existing=True)
        for document_id in document_ids
    ]
    return [row for row in rows if row is not None]


async def _make_room(session: Session, upload: Upload, *, pages: int) -> None:
    """Detach what lies on the pages that are taken, and with it the other pages of those files."""
    stored = (await session.scalars(_stored(upload.home_id, upload.enrolment_id).with_for_update())).all()
    same_kind = [row for row in stored if row.kind is upload.kind]
    replaced = {row.upload_hmac for row in same_kind if upload.page <= row.page < upload.page + pages}
    await _detach(session, [row for row in same_kind if row.upload_hmac in replaced])


async def _detach(session: Session, rows: Sequence[Document]) -> None:
    retention = (await policies.current(session)).retention
    for row in rows:
        row.state = DocumentState.DETACHED
        row.purge_at = min(row.purge_at, _deadline(session, row.kind, retention.document_days_after_decision))
    await session.flush()


def _deadline(session: Session, kind: DocumentKind, days: int) -> datetime:
    return session.now if kind is DocumentKind.FACIAL_PHOTO else session.now + timedelta(days=days)
