"""Staff: the offices they work at, who they are here, and their sessions."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, REFERENCE, Base, Digest, Identified, Plain, Sealed, bucket_agrees, held
from app.models.channels import ChannelKind


class OfficeKind(StrEnum):
    """What an office is."""

    DISTRICT_BRANCH = "district_branch"
    HOSPITAL = "hospital"

    @property
    def channel(self) -> ChannelKind:
        """What kind of channel its counters are."""
        return ChannelKind.HOSPITAL if self is OfficeKind.HOSPITAL else ChannelKind.COUNTER


class Office(Base):
    """A place people can go to, and that staff work at; `region` (GB/T 2260) is what it serves.

    A region that ends in zeros stands for all within it: `110000` is a whole province, `000000` everywhere.
    """

    __tablename__ = "office"
    __table_args__ = (CheckConstraint("region ~ '^[0-9]{6}$'", name="region"), {"info": REFERENCE})

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[OfficeKind]
    region: Mapped[str]
    address: Mapped[str]
    hours: Mapped[str]
    phone: Mapped[str]
    added_at: Mapped[datetime]


class OperatorRole(StrEnum):
    """What somebody may do here: decide cases, or serve people at a counter."""

    REVIEWER = "reviewer"
    CLERK = "clerk"


class Operator(Identified, Base):
    """One of the staff; the bucket is the login's, and `id` is their home, which holds what they did.

    A login is one person's for ever: who has left keeps it, without password and secret. `totp_step` is the time step
    of the newest code that was taken (RFC 6238 §5.2: each is good once). `person_id` is who they are themselves, as far
    as they said.
    """

    __tablename__ = "operator"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "id"], ["home.bucket", "home.id"]),
        UniqueConstraint("bucket", "login"),
        {"info": PERSONAL},
    )

    login: Mapped[str]
    role: Mapped[OperatorRole]
    office_id: Mapped[str] = mapped_column(ForeignKey("office.id"))
    person_id: Mapped[UUID | None]
    password_hash: Mapped[str | None]
    totp_secret: Mapped[bytes | None] = mapped_column(info=held(Sealed(None)))
    totp_step: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class StaffSession(Identified, Base):
    """A session of one of the staff, in their bucket; of its token only the digest is kept.

    `address_hmac` says from where it was started: a place that somebody has signed in from has tries of its own.
    """

    __tablename__ = "staff_session"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "operator_id"], ["operator.bucket", "operator.id"]),
        Index("ix_staff_session_operator", "bucket", "operator_id"),
        {"info": PERSONAL},
    )

    operator_id: Mapped[UUID]
    token_digest: Mapped[bytes] = mapped_column(info=held(Plain("of a random token")))
    address_hmac: Mapped[bytes] = mapped_column(info=held(Digest(since="started_at", days=30)))
    started_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
