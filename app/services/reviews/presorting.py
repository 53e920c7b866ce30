"""What a machine thinks of a case's face before people look: a hint that sorts the queue, and decides nothing."""

from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.cases import Case, CaseState
from app.models.documents import DocumentKind, EvidenceFile
from app.ports import Ports
from app.ports.face import FaceEvidence, FaceMode, FaceRequest
from app.services import files
from app.services.people import homes
from app.services.reviews import exhibits


async def presort(db: Database, ports: Ports, case_id: UUID) -> None:
    """Compare the face of an open case with the register's portrait, and write down how near they are.

    By the facial photo, or the frame that was kept of the newest check. Without a presorter, or without something to
    compare, there is no hint. No connection is held while the faces are compared.

    Raises:
        FaceServiceUnavailable, RegisterUnavailable, StorageUnavailable: do it later.
    """
    if ports.presorter is None:
        return
    begun = await db.run(lambda session: _about(session, case_id))
    if begun is None:
        return
    picture, number = begun
    reference = await ports.register.portrait(number)
    if reference is None:
        return
    photo = await files.read(db, ports.store, picture)
    start = await ports.presorter.start(
        FaceRequest(
            check_id=case_id,
            mode=FaceMode.PHOTO,
            name="",
            number="",
            reference=reference,
            photo=photo,
            device_meta={},
            callback_url="",
        )
    )
    evidence = FaceEvidence(reference=reference, photo=photo, frames=())
    result = await ports.presorter.judge(start.provider_ref, evidence)

    async def record(session: Session) -> None:
        case = await session.get_one(Case, (bucket_of(case_id), case_id), with_for_update=True, populate_existing=True)
        case.face_hint = result.match.score_band

    await db.run(record)


async def _about(session: Session, case_id: UUID) -> tuple[EvidenceFile, str] | None:
    """Return the picture to compare of an open case, and the member's number."""
    case = await session.get(Case, (bucket_of(case_id), case_id))
    if case is None or case.state is not CaseState.OPEN:
        return None
    shown = await exhibits.of(session, case)
    faces = [each for each in shown if each.kind in (DocumentKind.FACIAL_PHOTO, exhibits.FRAME)]
    if not faces:
        return None
    return await exhibits.row_of(session, faces[0]), (await homes.person(session, case.member_id)).number
