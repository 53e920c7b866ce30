"""What somebody agreed to within the add flow, each thing apart from the others."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from app.models.base import PERSONAL, Base, Identified, bucket_agrees


class ConsentPurpose(StrEnum):
    """What was agreed to; each apart from the others."""

    NOTICE = "notice"
    IDENTITY_DOCUMENT = "identity-document"
    FACE_CHECK = "face-check"
    MINOR_DATA = "minor-data"
    COUNTER_CHECK = "counter-check"


class Consent(Identified, Base):
    """One consent, with the exact text that was shown; kept after it is withdrawn.

    `services` are what the member agreed the owner may do, separated by spaces. One with a `handover_id` was given on
    the member's own phone. One of the channel `counter` was given to a clerk, and its device is their session.
    """

    __tablename__ = "consent"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "enrolment_id"], ["enrolment.bucket", "enrolment.id"]),
        Index(
            "uq_consent_given",
            "bucket",
            "enrolment_id",
            "purpose",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    account_id: Mapped[UUID]
    purpose: Mapped[ConsentPurpose]
    notice_code: Mapped[str]
    notice_version: Mapped[str]
    language: Mapped[str]
    sha256: Mapped[str]
    services: Mapped[str | None]
    channel: Mapped[str]
    device_id: Mapped[UUID]
    handover_id: Mapped[UUID | None]
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
