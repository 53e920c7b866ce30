"""The papers and photos of an enrolment: which it has, and how long they are kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select

from app.core.db import Session, bucket_of, new_id
from app.core.errors import Invalid
from app.models.documents import Document, DocumentKind, DocumentState, FailedImage
from app.ports.images import ImageUse, PreparedImage
from app.services import files, policies
from app.services.rules.adding import ImageQuality

MOST_PAGES = 4


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
    return [Attached(row.kind, row.page, row.upload_hmac) for row in await rows(session, home_id, enrolment_id)]


async def rows(session: Session, home_id: UUID, enrolment_id: UUID) -> Sequence[Document]:
    """Return the rows of the pages an enrolment has, by kind and page."""
    return (await session.scalars(_stored(home_id, enrolment_id))).all()


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
    bucket = bucket_of(upload.home_id)
    for number, image in enumerate(pages, start=upload.page):
        row = Document(
            bucket=bucket,
            id=new_id(bucket),
            home_id=upload.home_id,
            enrolment_id=upload.enrolment_id,
            kind=upload.kind,
            page=number,
        )
        made.append(await files.begin(session, row, image, upload.digest))
    return made


async def attach(session: Session, upload: Upload, document_ids: Sequence[UUID]) -> None:
    """Let stored pages take their places in the enrolment; the files that were there before are detached.

    Raises:
        StorageUnavailable: the way here took so long that the pages were swept; send them again.
    """
    retention = (await policies.current(session)).retention
    is_face = upload.kind is DocumentKind.FACIAL_PHOTO
    lifetime = timedelta(days=retention.face_days if is_face else retention.document_days_at_most)
    await _make_room(session, upload, pages=len(document_ids))
    await files.keep(session, Document, document_ids, lifetime)


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


def _all(home_id: UUID, enrolment_id: UUID) -> Select[Document]:
    return (
        select(Document)
        .where(Document.bucket == bucket_of(home_id), Document.enrolment_id == enrolment_id)
        .order_by(Document.kind, Document.page)
        .execution_options(populate_existing=True)
    )


def _stored(home_id: UUID, enrolment_id: UUID) -> Select[Document]:
    return _all(home_id, enrolment_id).where(Document.state == DocumentState.STORED)


async def _make_room(session: Session, upload: Upload, *, pages: int) -> None:
    """Detach what lies on the pages that are taken, and with it the other pages of those files."""
    stored = (await session.scalars(_stored(upload.home_id, upload.enrolment_id).with_for_update())).all()
    same_kind = [row for row in stored if row.kind is upload.kind]
    replaced = {row.upload_hmac for row in same_kind if upload.page <= row.page < upload.page + pages}
    await _detach(session, [row for row in same_kind if row.upload_hmac in replaced])


async def _detach(session: Session, rows: Sequence[Document]) -> None:
    retention = (await policies.current(session)).retention
    for row in rows:
        files.detach(row, _deadline(session, row.kind, retention.document_days_after_decision))
    await session.flush()


def _deadline(session: Session, kind: DocumentKind, days: int) -> datetime:
    return session.now if kind is DocumentKind.FACIAL_PHOTO else session.now + timedelta(days=days)
