"""Presentation codes that were redeemed; one that is only shown leaves no row."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, bucket_agrees


class ShowingPurpose(StrEnum):
    """What a code is shown for; it is good for nothing else."""

    IDENTIFY = "identify"
    MEDICAL = "medical"
    PAY = "pay"


class Redemption(Bucketed, Base):
    """A code that a terminal has redeemed, in the home of whose card it shows; the key lets nobody redeem it again.

    `code_id` is the code's `jti`, `nonce` the request's: only the very same request is answered once more.
    """

    __tablename__ = "redemption"
    __table_args__ = (
        bucket_agrees("holder_id"),
        ForeignKeyConstraint(["bucket", "holder_id"], ["card.bucket", "card.person_id"]),
        {"info": PERSONAL},
    )

    code_id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    purpose: Mapped[ShowingPurpose]
    terminal_id: Mapped[UUID]
    nonce: Mapped[str]
    redeemed_at: Mapped[datetime]
