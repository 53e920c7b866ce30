"""Copies of what the insurance authorities have said, kept shortly."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, bucket_agrees


class InsuranceCopy(Bucketed, Base):
    """The last answer to one question about a person, sealed under their home's key."""

    __tablename__ = "insurance_copy"
    __table_args__ = (
        bucket_agrees("home_id"),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    fetched_at: Mapped[datetime]
