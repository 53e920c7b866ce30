"""What waits for people to decide."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, bucket_agrees


class CaseReason(StrEnum):
    """Why people must decide."""

    FACE_FAILED = "face_failed"
    NO_REFERENCE_PORTRAIT = "no_reference_portrait"
    GUARDIANSHIP = "guardianship"
    OTHER_RELATIVE_OF_CHILD = "other_relative_of_child"
    MANY_TRIES_AT_MEMBER = "many_tries_at_member"
    ASKED_FOR = "asked_for"


class CaseState(StrEnum):
    """`withdrawn` when what it was about was cancelled."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class CasePurpose(StrEnum):
    """What a case decides."""

    ENROLMENT = "enrolment"
    CARD_PASSWORD_RESET = "card_password_reset"


class Case(Identified, Base):
    """One question to people, in the home of the person who asked; at most one open for a subject."""

    __tablename__ = "review_case"
    __table_args__ = (
        bucket_agrees(),
        Index("uq_review_case_open", "bucket", "subject_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_review_case_due", "due_at", postgresql_where=text("state = 'open'")),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    purpose: Mapped[CasePurpose]
    subject_id: Mapped[UUID]
    member_id: Mapped[UUID]
    reason: Mapped[CaseReason]
    state: Mapped[CaseState]
    reviewers_needed: Mapped[int] = mapped_column(SmallInteger)
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]


class Approval(Bucketed, Base):
    """One operator's yes to a case; where two are needed they are two people's, so the operator is in the key."""

    __tablename__ = "review_approval"
    __table_args__ = (
        bucket_agrees("case_id"),
        ForeignKeyConstraint(["bucket", "case_id"], ["review_case.bucket", "review_case.id"]),
        {"info": PERSONAL},
    )

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    operator: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
