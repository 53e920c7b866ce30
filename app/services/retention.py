"""Proves that nothing lies longer than it may: every file with its deadline, and every object with its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from app.core.db import Database, Session
from app.models.card_orders import CardPhoto
from app.models.documents import Document, DocumentKind, EvidenceFile
from app.models.faces import FaceFrame
from app.models.statements import StatementFile
from app.ports.storage import ObjectStore
from app.services import housekeeping, policies

# The sweep comes every few seconds; what it has not done in this time it does not do.
_GRACE: Final = timedelta(minutes=10)
_FRAME: Final = "face_frame"
_CARD_PHOTO: Final = "card_photo"
_STATEMENT: Final = "statement"
_FACES: Final = frozenset({_FRAME, _CARD_PHOTO, DocumentKind.FACIAL_PHOTO.value})


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of one kind: how many, since when the oldest lies, how many are past their deadline or too old."""

    kind: str
    count: int
    oldest: datetime
    next_deadline: datetime
    overdue: int

    @property
    def is_face(self) -> bool:
        """Whether these are raw pictures of faces."""
        return self.kind in _FACES


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept at a moment; `strays` are objects of the store that belong to no row."""

    at: datetime
    kept: tuple[Kept, ...]
    strays: Sequence[str]

    @property
    def faces(self) -> int:
        """How many raw pictures of faces are stored: more than 100 000 must be filed with the authorities."""
        return sum(each.count for each in self.kept if each.is_face)

    @property
    def is_kept(self) -> bool:
        """Whether every deadline is kept and nothing lies that nobody knows of."""
        return not self.strays and not any(each.overdue for each in self.kept)


async def report(db: Database, store: ObjectStore) -> Retention:
    """Look through every file there is: across all homes, so only now and then.

    A face is overdue when its deadline has passed by ten minutes, and when it is older than seven days (policy),
    whatever its row says.

    Raises:
        StorageUnavailable: the store does not answer.
    """
    kept, now = await db.run(_kept)
    return Retention(now, kept, await housekeeping.strays(db, store))


async def _kept(session: Session) -> tuple[tuple[Kept, ...], datetime]:
    days = (await policies.current(session)).retention.face_days
    too_old = session.now - timedelta(days=days) - _GRACE
    found = [
        *await _of(session, Document, Document.kind, Document.kind == DocumentKind.FACIAL_PHOTO, too_old),
        *await _of(session, FaceFrame, literal(_FRAME), literal(True), too_old),  # noqa: FBT003 - SQL, not a flag
        *await _of(session, CardPhoto, literal(_CARD_PHOTO), literal(True), too_old),  # noqa: FBT003 - the same
        *await _of(session, StatementFile, literal(_STATEMENT), literal(False), too_old),  # noqa: FBT003 - the same
    ]
    return tuple(sorted(found, key=lambda each: (not each.is_face, each.kind))), session.now


async def _of(
    session: Session,
    table: type[EvidenceFile],
    kind: ColumnElement[Any] | InstrumentedAttribute[Any],
    is_face: ColumnElement[bool],
    too_old: datetime,
) -> list[Kept]:
    is_overdue = (table.purge_at < session.now - _GRACE) | (is_face & (table.created_at < too_old))
    rows = await session.execute(
        select(
            kind.label("kind"),
            func.count(),
            func.min(table.created_at),
            func.min(table.purge_at),
            func.count().filter(is_overdue),
        ).group_by("kind")
    )
    return [Kept(str(name), count, oldest, deadline, overdue) for name, count, oldest, deadline, overdue in rows]
