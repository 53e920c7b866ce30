"""Copies of what the insurance authorities have said, kept shortly."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Sealed, bucket_agrees, held


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
    content: Mapped[bytes] = mapped_column(info=held(Sealed("home_id", row="home_id", within="subject")))
    fetched_at: Mapped[datetime]
