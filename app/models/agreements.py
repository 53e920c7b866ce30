"""What people agree to about a holder outside of any application: each thing apart, with the exact text shown."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from app.models.base import PERSONAL, Base, Identified, bucket_agrees


class Agreement(Identified, Base):
    """A consent to the notice `code`, in the home of the person it is about; one in force for each thing.

    `about_id` is what it is for: a person, for their card. By `link_id` somebody agreed for a child. `ended_at` is when
    it was taken back, or was over by itself. It was given by an account on a device, or by the person themselves at an
    office, before one of the staff and by a card that was read there.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["home.bucket", "home.id"]),  # it outlives the card
        Index(
            "uq_agreement_in_force",
            "bucket",
            "about_id",
            "code",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint(
            "(account_id IS NULL) = (device_id IS NULL) AND (account_id IS NULL) = (operator_id IS NOT NULL)"
            " AND (operator_id IS NULL) = (office_id IS NULL) AND (operator_id IS NULL) = (card_read_id IS NULL)",
            name="given_by",
        ),
        Index("ix_agreement_person", "bucket", "person_id", "given_at"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    about_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    operator_id: Mapped[UUID | None]
    office_id: Mapped[str | None]
    card_read_id: Mapped[UUID | None]
    channel: Mapped[str]
    code: Mapped[str]
    version: Mapped[str]
    language: Mapped[str]
    sha256: Mapped[str]
    given_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
