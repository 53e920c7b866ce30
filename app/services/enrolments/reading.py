"""What a machine reads on a document, as a hint: to the owner, who may send a better one, and to whoever reviews it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.documents import Agreement, Document, DocumentKind, DocumentState
from app.ports import Ports
from app.services import documents, files, outbox
from app.services.enrolments import loading
from app.services.enrolments.loading import Named
from app.services.readings import compare

SPEAKING: Final = frozenset(
    {
        DocumentKind.SOCIAL_SECURITY_CARD,
        DocumentKind.ID_CARD_FRONT,
        DocumentKind.HOUSEHOLD_REGISTER,
        DocumentKind.BIRTH_CERTIFICATE,
        DocumentKind.RESIDENCE_PERMIT_FRONT,
    }
)
"""The kinds that bear the member's name or number."""


class AdviceCode(StrEnum):
    """What the owner may do better; nothing is refused for it."""

    NOT_READABLE = "not_readable"
    NAMES_SOMEBODY_ELSE = "names_somebody_else"


@dataclass(frozen=True, slots=True)
class Advice:
    """About which document."""

    kind: DocumentKind
    code: AdviceCode


def ask(session: Session, home_id: UUID, kind: DocumentKind, document_ids: Sequence[UUID]) -> None:
    """Let new pages be read in a while."""
    if kind in SPEAKING:
        for each in document_ids:
            outbox.tell(session, outbox.Kind.READ_DOCUMENT, home_id, document_id=str(each))


async def read(db: Database, ports: Ports, document_id: UUID) -> None:
    """Read a page and write down how it agrees with the member; no connection is held while it is read.

    What was taken back meanwhile is left alone.

    Raises:
        ReaderUnavailable, StorageUnavailable: read it later.
    """
    if ports.reader is None:
        return
    begun = await db.run(lambda session: _about(session, document_id))
    if begun is None:
        return
    row, member = begun
    lines = await ports.reader.read(await files.read(db, ports.store, row))
    reading = compare(lines, name=member.name, number=member.number)

    async def record(session: Session) -> None:
        enrolment = await loading.locked(session, row.enrolment_id)
        page = await session.get(Document, (row.bucket, row.id), with_for_update=True, populate_existing=True)
        if enrolment is None or page is None or enrolment.member_id != member.id:
            return
        page.name_reading, page.number_reading = reading.name, reading.number
        if enrolment.is_open and Agreement.AGREES not in (reading.name, reading.number):
            enrolment.version += 1  # whoever waits for a change reads the advice

    await db.run(record)


async def advice(session: Session, home_id: UUID, enrolment_id: UUID) -> tuple[Advice, ...]:
    """Return what the owner may do better, by kind of document: one good page of several is enough."""
    rows = await documents.rows(session, home_id, enrolment_id)
    by_kind = groupby((row for row in rows if row.kind in SPEAKING), key=lambda row: row.kind)
    found = [(kind, _code(list(pages))) for kind, pages in by_kind]
    return tuple(Advice(kind, code) for kind, code in found if code is not None)


def _code(pages: Iterable[Document]) -> AdviceCode | None:
    said = [{page.name_reading, page.number_reading} for page in pages]
    if any(None in each or Agreement.AGREES in each for each in said):
        return None
    if any(Agreement.DIFFERS in each for each in said):
        return AdviceCode.NAMES_SOMEBODY_ELSE
    return AdviceCode.NOT_READABLE


async def _about(session: Session, document_id: UUID) -> tuple[Document, Named] | None:
    row = await session.get(Document, (bucket_of(document_id), document_id))
    if row is None or row.state is not DocumentState.STORED:
        return None
    enrolment = await loading.locked(session, row.enrolment_id)
    member = await loading.named(session, enrolment) if enrolment is not None else None
    return None if member is None else (row, member)
