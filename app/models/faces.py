"""Face checks, the frames they are judged by, and the tries that count."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Identified, Sealed, bucket_agrees, held
from app.models.documents import EvidenceFile
from app.ports.face import FaceMode, FaceReason


class FacePurpose(StrEnum):
    """What a face check decides."""

    ENROLMENT = "enrolment"
    CARD_PASSWORD_RESET = "card_password_reset"
    CERTIFICATION = "certification"
    RECONFIRMATION = "reconfirmation"
    CARD_UPGRADE = "card_upgrade"


class FaceCheckState(StrEnum):
    """Where a face check stands; the last four are final."""

    STARTING = "starting"
    STARTED = "started"
    PROCESSING = "processing"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN: frozenset[FaceCheckState] = frozenset(
    {FaceCheckState.STARTING, FaceCheckState.STARTED, FaceCheckState.PROCESSING}
)
NEXT: Mapping[FaceCheckState, frozenset[FaceCheckState]] = {
    FaceCheckState.STARTING: frozenset(FaceCheckState) - {FaceCheckState.STARTING},
    FaceCheckState.STARTED: frozenset(FaceCheckState) - {FaceCheckState.STARTING, FaceCheckState.STARTED},
    FaceCheckState.PROCESSING: frozenset(FaceCheckState) - OPEN,
    FaceCheckState.PASSED: frozenset(),
    FaceCheckState.FAILED: frozenset(),
    FaceCheckState.CANCELLED: frozenset(),
    FaceCheckState.EXPIRED: frozenset(),
}
"""A check only moves on; what is final never moves."""


class FaceCheck(Identified, Base):
    """One attempt before the camera or with a photo, pinned to the provider it started with.

    One with a `handover_id` was started on the member's own phone, and is theirs alone to read and to go on with. Until
    `asked_until` somebody is asking its provider, or has just asked, and nobody else does.
    """

    __tablename__ = "face_check"
    __table_args__ = (
        bucket_agrees(),
        UniqueConstraint("bucket", "unit_id"),
        Index(
            "uq_face_check_open",
            "bucket",
            "subject_id",
            unique=True,
            postgresql_where=text("state IN ('starting', 'started', 'processing')"),
        ),
        Index("ix_face_check_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    account_id: Mapped[UUID]
    purpose: Mapped[FacePurpose]
    subject_id: Mapped[UUID]
    member_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    handover_id: Mapped[UUID | None]
    mode: Mapped[FaceMode]
    provider: Mapped[str]
    provider_ref: Mapped[str | None]
    client: Mapped[bytes | None] = mapped_column(info=held(Sealed("home_id")))
    state: Mapped[FaceCheckState]
    reason: Mapped[FaceReason | None]
    provider_code: Mapped[str | None]
    score_band: Mapped[str | None]
    photo_hmac: Mapped[bytes | None] = mapped_column(info=held(Digest(since="started_at", days=30)))
    version: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    asked_until: Mapped[datetime | None]

    def advance(self, to: FaceCheckState) -> bool:
        """Move on if `to` follows the present state, and say whether it did. The only writer of `state`."""
        if to not in NEXT[self.state]:
            return False
        self.state = to
        self.version += 1
        return True


class FaceFrame(EvidenceFile, Base):
    """A frame that the client has sent for a check; numbered from 1, and gone with the check's end."""

    __tablename__ = "face_frame"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "check_id"], ["face_check.bucket", "face_check.id"]),
        Index(
            "uq_face_frame_number",
            "bucket",
            "check_id",
            "number",
            unique=True,
            postgresql_where=text("state = 'stored'"),
        ),
        Index("ix_face_frame_purge", "purge_at"),
        {"info": PERSONAL},
    )

    check_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(SmallInteger)


class FaceTry(Bucketed, Base):
    """A try that counts; written once in the opener's home and once in the member's."""

    __tablename__ = "face_try"
    __table_args__ = (bucket_agrees("home_id"), {"info": PERSONAL})

    home_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    check_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class FacePass(Bucketed, Base):
    """The last time that somebody's live face has passed, whoever had asked for it; in their own home."""

    __tablename__ = "face_pass"
    __table_args__ = (bucket_agrees("member_id"), {"info": PERSONAL})

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    check_id: Mapped[UUID]
    at: Mapped[datetime]


class HeardEvent(Bucketed, Base):
    """A callback of a provider, by the provider's name for it; in the bucket of the check it speaks of."""

    __tablename__ = "face_event"
    __table_args__ = (
        bucket_agrees("check_id"),
        ForeignKeyConstraint(["bucket", "check_id"], ["face_check.bucket", "face_check.id"]),
        {"info": PERSONAL},
    )

    provider: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    check_id: Mapped[UUID]
    heard_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
