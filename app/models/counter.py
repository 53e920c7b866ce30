"""What is done for people at a counter: which card lay there, read by whom for what, and looks without one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, bucket_agrees


class Purpose(StrEnum):
    """What somebody is served for at a counter: every look at a person's data has one, and one alone."""

    ENQUIRY = "enquiry"
    TREATMENT = "treatment"
    SHARING = "sharing"
    ENROLMENT = "enrolment"
    LINK_ENDING = "link_ending"
    DISPUTE = "dispute"
    PASSWORD_UNLOCK = "password_unlock"
    CERTIFICATION = "certification"
    PASSWORD_RESET = "password_reset"
    RECONFIRMATION = "reconfirmation"


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


class EmergencyReason(StrEnum):
    """Why somebody is looked up whose card is not there."""

    UNCONSCIOUS = "unconscious"
    CONFUSED = "confused"
    CHILD_ALONE = "child_alone"
    CARD_NOT_AT_HAND = "card_not_at_hand"


class EmergencyFinding(StrEnum):
    """What whoever reviews a look without a card finds."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class EmergencyLook(Identified, Base):
    """A look at somebody without their card, in their home; another of the staff reviews it later.

    `region` is theirs by the register (GB/T 2260), as of a case.
    """

    __tablename__ = "emergency_look"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["home.bucket", "home.id"]),
        Index("ix_emergency_look_due", "due_at", "id", postgresql_where=text("reviewed_at IS NULL")),
        CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (finding IS NULL)",
            name="reviewed",
        ),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    operator_id: Mapped[UUID]
    office_id: Mapped[str]
    region: Mapped[str]
    terminal_id: Mapped[UUID]
    reason: Mapped[EmergencyReason]
    looked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None]
    finding: Mapped[EmergencyFinding | None]


class EmergencySlot(Bucketed, Base):
    """A look that nobody has reviewed yet, in a numbered place of who has made it; each takes one."""

    __tablename__ = "emergency_slot"
    __table_args__ = (
        bucket_agrees("operator_id"),
        ForeignKeyConstraint(["bucket", "operator_id"], ["operator.bucket", "operator.id"]),
        CheckConstraint("slot_no BETWEEN 1 AND 64", name="slot_no"),
        {"info": PERSONAL},
    )

    operator_id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    look_id: Mapped[UUID]
