"""What waits for people to decide, who holds it meanwhile, and what makes it risky."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, bucket_agrees
from app.ports.face import ScoreBand


class CaseReason(StrEnum):
    """Why people must decide."""

    FACE_FAILED = "face_failed"
    NO_REFERENCE_PORTRAIT = "no_reference_portrait"
    GUARDIANSHIP = "guardianship"
    OTHER_RELATIVE_OF_CHILD = "other_relative_of_child"
    MANY_TRIES_AT_MEMBER = "many_tries_at_member"
    ASKED_FOR = "asked_for"
    LINK_DISPUTED = "link_disputed"


class CaseState(StrEnum):
    """`asked_for_more` when its owner has to show more first, `withdrawn` when what it was about was cancelled."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    ASKED_FOR_MORE = "asked_for_more"
    WITHDRAWN = "withdrawn"


class Risk(StrEnum):
    """What makes people look twice."""

    DISTANT_ADULT = "distant_adult"
    MANY_NEW_MEMBERS = "many_new_members"
    REUSED_PHOTO = "reused_photo"


class Verdict(StrEnum):
    """What a reviewer can decide."""

    APPROVE = "approve"
    REJECT = "reject"
    ASK_FOR_MORE = "ask_for_more"


class Finding(StrEnum):
    """Why a reviewer decides so: the closed list, whose words are in `app/texts`."""

    PAPERS_FIT = "papers-fit"
    FACE_FITS = "face-fits"
    PAPERS_AND_FACE_FIT = "papers-and-face-fit"
    IDENTITY_SHOWN = "identity-shown"
    PAPERS_DO_NOT_FIT = "papers-do-not-fit"
    PAPERS_NOT_GENUINE = "papers-not-genuine"
    RELATIONSHIP_NOT_SHOWN = "relationship-not-shown"
    NOT_THE_SAME_PERSON = "not-the-same-person"
    IDENTITY_NOT_SHOWN = "identity-not-shown"
    PAPERS_UNREADABLE = "papers-unreadable"
    PAPERS_OF_SOMEBODY_ELSE = "papers-of-somebody-else"
    GUARDIANSHIP_PAPERS_NEEDED = "guardianship-papers-needed"
    PHOTO_UNSUITABLE = "photo-unsuitable"
    FACE_AGAIN = "face-again"
    LINK_NOT_WANTED = "link-not-wanted"
    LINK_AGREED = "link-agreed"


class CasePurpose(StrEnum):
    """What a case decides; of a dispute, whether it is upheld: to approve it ends the link."""

    ENROLMENT = "enrolment"
    CARD_PASSWORD_RESET = "card_password_reset"
    LINK_DISPUTE = "link_dispute"
    CERTIFICATION = "certification"
    RECONFIRMATION = "reconfirmation"
    CARD_UPGRADE = "card_upgrade"


FINDINGS: Mapping[Verdict, Mapping[CasePurpose, tuple[Finding, ...]]] = {
    Verdict.APPROVE: {
        CasePurpose.ENROLMENT: (
            Finding.PAPERS_FIT,
            Finding.FACE_FITS,
            Finding.PAPERS_AND_FACE_FIT,
            Finding.IDENTITY_SHOWN,
        ),
        CasePurpose.CARD_PASSWORD_RESET: (Finding.FACE_FITS, Finding.IDENTITY_SHOWN),
        CasePurpose.LINK_DISPUTE: (Finding.LINK_NOT_WANTED, Finding.RELATIONSHIP_NOT_SHOWN),
        CasePurpose.CERTIFICATION: (Finding.FACE_FITS, Finding.IDENTITY_SHOWN),
        CasePurpose.RECONFIRMATION: (Finding.FACE_FITS, Finding.IDENTITY_SHOWN),
        CasePurpose.CARD_UPGRADE: (Finding.FACE_FITS, Finding.IDENTITY_SHOWN),
    },
    Verdict.REJECT: {
        CasePurpose.ENROLMENT: (
            Finding.PAPERS_DO_NOT_FIT,
            Finding.PAPERS_NOT_GENUINE,
            Finding.RELATIONSHIP_NOT_SHOWN,
            Finding.NOT_THE_SAME_PERSON,
            Finding.IDENTITY_NOT_SHOWN,
        ),
        CasePurpose.CARD_PASSWORD_RESET: (Finding.NOT_THE_SAME_PERSON, Finding.IDENTITY_NOT_SHOWN),
        CasePurpose.LINK_DISPUTE: (Finding.LINK_AGREED,),
        CasePurpose.CERTIFICATION: (Finding.NOT_THE_SAME_PERSON, Finding.IDENTITY_NOT_SHOWN),
        CasePurpose.RECONFIRMATION: (Finding.NOT_THE_SAME_PERSON, Finding.IDENTITY_NOT_SHOWN),
        CasePurpose.CARD_UPGRADE: (Finding.NOT_THE_SAME_PERSON, Finding.IDENTITY_NOT_SHOWN),
    },
}
"""Which findings lead to which verdict; what more can be asked for depends on the enrolment."""


class Case(Identified, Base):
    """One question to people, in the home of the person who asked; at most one open for a subject.

    `region` is the member's, and finds the offices whose reviewers may see it. `risks` are separated by spaces. Who has
    claimed it holds it until `claimed_until`. `face_hint` is how near a machine finds the face to the portrait.
    """

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
    region: Mapped[str]
    risks: Mapped[str]
    state: Mapped[CaseState]
    reviewers_needed: Mapped[int] = mapped_column(SmallInteger)
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
    face_hint: Mapped[ScoreBand | None]


class Approval(Bucketed, Base):
    """One operator's yes to a case; where two are needed they are two people's, so the operator's id is in the key."""

    __tablename__ = "review_approval"
    __table_args__ = (
        bucket_agrees("case_id"),
        ForeignKeyConstraint(["bucket", "case_id"], ["review_case.bucket", "review_case.id"]),
        {"info": PERSONAL},
    )

    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    operator: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class NotedRisk(Bucketed, Base):
    """Something that makes an owner's applications for a member risky, whatever is changed in them afterwards."""

    __tablename__ = "noted_risk"
    __table_args__ = (bucket_agrees("owner_id"), {"info": PERSONAL})

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    risk: Mapped[Risk] = mapped_column(primary_key=True)
    noted_at: Mapped[datetime]
