"""The pictures of a case: papers, a facial photo, frames; each look is written down, and marked with who looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.core.errors import NotFound
from app.models.cases import Case
from app.models.documents import Agreement, Document, DocumentState, EvidenceFile
from app.models.faces import FaceCheck, FaceFrame
from app.ports import Ports
from app.services import cases, documents, files
from app.services.audit import Action
from app.services.operators.sessions import Staff
from app.services.people import homes
from app.services.reviews import queue

FRAME: Final = "face_frame"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A picture that can be looked at: what it shows (a kind of document, or FRAME), its number, what was read."""

    id: UUID
    kind: str
    page: int
    name_reading: Agreement | None = None
    number_reading: Agreement | None = None


async def of(session: Session, case: Case) -> Sequence[Exhibit]:
    """Return the pictures of a case that are still there: papers and photo first, then frames."""
    papers = await documents.rows(session, case.home_id, case.subject_id)
    frames = await session.scalars(
        select(FaceFrame)
        .join(FaceCheck, (FaceCheck.bucket == FaceFrame.bucket) & (FaceCheck.id == FaceFrame.check_id))
        .where(
            FaceCheck.bucket == bucket_of(case.home_id),
            FaceCheck.subject_id == case.subject_id,
            FaceFrame.state == DocumentState.STORED,
        )
        .order_by(FaceCheck.started_at.desc(), FaceFrame.number)
    )
    return [Exhibit(row.id, row.kind.value, row.page, row.name_reading, row.number_reading) for row in papers] + [
        Exhibit(row.id, FRAME, number) for number, row in enumerate(frames, start=1)
    ]


async def row_of(session: Session, exhibit: Exhibit) -> EvidenceFile:
    """Return where a picture lies."""
    table: type[EvidenceFile] = FaceFrame if exhibit.kind == FRAME else Document
    return await session.get_one(table, (bucket_of(exhibit.id), exhibit.id))


async def look(db: Database, ports: Ports, staff: Staff, case_id: UUID, exhibit_id: UUID) -> bytes:
    """Return one picture of a case that the reviewer holds, a JPEG with their login and the moment written across it.

    The look is written down before anything is read. No connection is held while it is.

    Raises:
        NotFound: there is none such in the regions that the reviewer's office serves, or it is gone.
        CaseAlreadyDecided, ReviewNotClaimed, ImagesBusy.
        StorageUnavailable: the store does not answer, or has lost it.
    """
    row, at = await db.run(lambda session: _seen(session, staff, case_id, exhibit_id))
    content = await files.read(db, ports.store, row)
    return await ports.images.marked(content, f"{staff.login} {at:%Y-%m-%d %H:%M:%S}Z {str(case_id)[:8]}")


async def _seen(session: Session, staff: Staff, case_id: UUID, exhibit_id: UUID) -> tuple[EvidenceFile, datetime]:
    case = await queue.held(session, staff, case_id)
    exhibit = next((each for each in await of(session, case) if each.id == exhibit_id), None)
    if exhibit is None:
        raise NotFound
    row = await row_of(session, exhibit)
    if row.purge_at <= session.now:
        raise NotFound
    await homes.lock(session, {case.home_id, case.member_id})
    await cases.record(
        session, Action.REVIEW_EVIDENCE_SEEN, case, staff.actor, kind=exhibit.kind, exhibit_id=str(exhibit_id)
    )
    return row, session.now
