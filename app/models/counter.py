"""What is done for people at a counter: which card lay there, read by whom for what."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.models.base import PERSONAL, Base, Identified, bucket_agrees


class Purpose(StrEnum):
    """What somebody is served for at a counter: every look at a person's data has one, and one alone."""

    ENQUIRY = "enquiry"
    TREATMENT = "treatment"
    SHARING = "sharing"
    ENROLMENT = "enrolment"
    LINK_ENDING = "link_ending"
    DISPUTE = "dispute"
    PASSWORD_UNLOCK = "password_unlock"


class CardRead(Identified, Base):
    """A card that a terminal has read, in the home of whose card it is; its token stands nowhere.

    It is good for a moment, for one purpose, in the session in which it was read. `nonce` is the reader's: one reading
    of a card is one row. `spent_at` is when it was used for what it may be used for once.
    """

    __tablename__ = "card_read"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["home.bucket", "home.id"]),
        UniqueConstraint("bucket", "terminal_id", "nonce"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    operator_id: Mapped[UUID]
    session_id: Mapped[UUID]
    office_id: Mapped[str]
    terminal_id: Mapped[UUID]
    nonce: Mapped[str]
    purpose: Mapped[Purpose]
    read_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    spent_at: Mapped[datetime | None]
