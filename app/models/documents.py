"""Evidence files: what lies in the object store, under which key, and until when."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Identified, Plain, Wrapped, bucket_agrees, held, words


class DocumentKind(StrEnum):
    """What a file shows."""

    SOCIAL_SECURITY_CARD = "social_security_card"
    ID_CARD_FRONT = "id_card_front"
    ID_CARD_BACK = "id_card_back"
    HOUSEHOLD_REGISTER = "household_register"
    BIRTH_CERTIFICATE = "birth_certificate"
    RESIDENCE_PERMIT_FRONT = "residence_permit_front"
    RESIDENCE_PERMIT_BACK = "residence_permit_back"
    GUARDIANSHIP_PROOF = "guardianship_proof"
    FACIAL_PHOTO = "facial_photo"


class DocumentState(StrEnum):
    """`pending` before the object is surely there, `stored`, `detached` when its step was undone."""

    PENDING = "pending"
    STORED = "stored"
    DETACHED = "detached"


class Agreement(StrEnum):
    """How what a machine read agrees with what it was compared with."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNREAD = "unread"


class EvidenceFile(Identified):
    """What a row says of its object in the store; the row comes before the object and goes after it.

    `upload_hmac` is the keyed digest of the file as it was sent, by which a late retry and a failed image are known
    again. `purge_at` is when the object must be gone, whatever happened. While the object is sealed anew under another
    key, `moving_key` names the one of the two that is not read: it goes with the row too.
    """

    __tablename__: str

    state: Mapped[DocumentState]
    object_key: Mapped[str]
    moving_key: Mapped[str | None]
    wrapped_key: Mapped[bytes] = mapped_column(info=held(Wrapped()))
    upload_hmac: Mapped[bytes] = mapped_column(info=held(Digest(since="created_at", days=30)))
    sha256: Mapped[bytes] = mapped_column(info=held(Plain("of a picture that was drawn anew")))
    media_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    purge_at: Mapped[datetime]


class Document(EvidenceFile, Base):
    """One page of a document, or a facial photo.

    The readings say how what a machine read on it agrees with the member; None until one has looked.
    """

    __tablename__ = "document"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),
        Index(
            "uq_document_page",
            "bucket",
            "enrolment_id",
            "kind",
            "page",
            unique=True,
            postgresql_where=text("state = 'stored'"),
        ),
        Index("ix_document_purge", "purge_at"),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    kind: Mapped[DocumentKind]
    page: Mapped[int] = mapped_column(SmallInteger)
    name_reading: Mapped[Agreement | None] = mapped_column(words(Agreement, "name_reading"))
    number_reading: Mapped[Agreement | None] = mapped_column(words(Agreement, "number_reading"))


class FailedImage(Bucketed, Base):
    """A facial photo that failed for (owner, member): the same file is refused again."""

    __tablename__ = "failed_image"
    __table_args__ = (bucket_agrees("owner_id"), {"info": PERSONAL})

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    upload_hmac: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(since="at", days=30)))
    at: Mapped[datetime]


class SeenImage(Bucketed, Base):
    """A facial photo that came for somebody; its bucket is that of the picture's digest, so that it is met again."""

    __tablename__ = "image_seen"
    __table_args__ = ({"info": PERSONAL},)

    image_hmac: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="seen_at")))
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
