"""What people agree to about a holder outside of any application: each thing apart, with the exact text shown."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from app.models.base import PERSONAL, Base, Identified, bucket_agrees


class Agreement(Identified, Base):
    """A consent to the notice `code`, in the home of the person it is about; one in force for each thing.

    `about_id` is what it is for: a person, for their card. By `link_id` somebody agreed for a child. `ended_at` is when
    it was taken back, or was over by itself.
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
        Index("ix_agreement_person", "bucket", "person_id", "given_at"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    about_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    account_id: Mapped[UUID]
    device_id: Mapped[UUID]
    channel: Mapped[str]
    code: Mapped[str]
    version: Mapped[str]
    language: Mapped[str]
    sha256: Mapped[str]
    given_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
