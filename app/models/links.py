"""Family links: an owner's places, and a member's slots for owners.

A link is a row in each home. The owner's row exists from the details step on, as a reservation; the member's only once
the face has passed. The limits are keys: an owner's places and a member's slots are numbered, each number taken once.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, Plain, Sealed, bucket_agrees, held
from app.models.people import Proof


class LinkState(StrEnum):
    """`reserved` while an enrolment is under way; `frozen` while disputed."""

    RESERVED = "reserved"
    ACTIVE = "active"
    FROZEN = "frozen"
    ENDED = "ended"


LIVING: Final = frozenset({LinkState.ACTIVE, LinkState.FROZEN})
"""The states in which a link is there, for owner and member."""


class LinkEnd(StrEnum):
    """Who or what ended a link."""

    BY_OWNER = "by_owner"
    BY_MEMBER = "by_member"
    BY_DISPUTE = "by_dispute"
    BY_DEATH = "by_death"
    BY_CARD_CANCELLED = "by_card_cancelled"


class LinkDisputeReason(StrEnum):
    """Why a member disputes a link."""

    OWNER_UNKNOWN = "owner_unknown"
    NOT_AGREED = "not_agreed"
    PRESSED = "pressed"
    MISUSED = "misused"
    OTHER = "other"


class DisputeOutcome(StrEnum):
    """How a dispute came to its end; `lapsed` when nobody has decided in time, which ends the link too."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"
    LINK_ENDED = "link_ended"


class MilestoneKind(StrEnum):
    """What changes with a member's age: 14, 16 (announced before), 18, and so many days after that."""

    OWN_CONSENT = "own_consent"
    LIVE_FACE_SOON = "live_face_soon"
    LIVE_FACE = "live_face"
    ADULT = "adult"
    VIEW_ONLY = "view_only"


class ReconfirmationState(StrEnum):
    """Where a reconfirmation stands; the last three are final."""

    FACE_PENDING = "face_pending"
    IN_REVIEW = "in_review"
    PASSED = "passed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


RECONFIRMATION_OPEN: Final = frozenset({ReconfirmationState.FACE_PENDING, ReconfirmationState.IN_REVIEW})
"""A link has one such reconfirmation at most."""


class Place(StrEnum):
    """The four kinds of places an owner has; by relationship (GB/T 4761)."""

    SPOUSE = "spouse"
    CHILD = "child"
    ELDER = "elder"
    OTHER = "other"


class FamilyLink(Identified, Base):
    """The owner's row. Names and numbers are sealed under the owner's key; an ended link keeps no place and no name.

    `agreed` is what the member, or a guardian for them, has agreed to, separated by spaces; `may_…` what is left of it.
    `proof` is how it was seen who the member is; links older than the column have none.
    From `reconfirm_from` on their live face is wanted, from `view_only_from` on their answer: both None once given.
    """

    __tablename__ = "family_link"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "owner_id"], ["person.bucket", "person.id"]),
        UniqueConstraint("bucket", "owner_id", "total_no"),
        UniqueConstraint("bucket", "owner_id", "place", "place_no"),
        Index(
            "uq_family_link_member",
            "bucket",
            "owner_id",
            "member_id",
            unique=True,
            postgresql_where=text("state <> 'ended'"),
        ),
        Index("ix_family_link_ages", "bucket", postgresql_where=text("NOT ages_noted")),
        CheckConstraint("(state = 'ended') = (total_no IS NULL)", name="total_no"),
        CheckConstraint("(state = 'ended') = (place_no IS NULL)", name="place_no"),
        {"info": PERSONAL},
    )

    owner_id: Mapped[UUID]
    member_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    state: Mapped[LinkState]
    relationship: Mapped[str]
    place: Mapped[Place]
    total_no: Mapped[int | None] = mapped_column(SmallInteger)
    place_no: Mapped[int | None] = mapped_column(SmallInteger)
    may_view: Mapped[bool]
    may_show_code: Mapped[bool]
    may_certify: Mapped[bool]
    may_file: Mapped[bool]
    may_pay: Mapped[bool]
    agreed: Mapped[str]
    proof: Mapped[Proof | None]
    reconfirm_from: Mapped[date | None]
    view_only_from: Mapped[date | None]
    ages_noted: Mapped[bool]
    announced_on: Mapped[date | None]
    member_name: Mapped[bytes | None] = mapped_column(info=held(Sealed("owner_id")))
    member_number: Mapped[bytes | None] = mapped_column(info=held(Sealed("owner_id")))
    member_birth_date: Mapped[bytes | None] = mapped_column(info=held(Sealed("owner_id")))
    reserved_at: Mapped[datetime]
    active_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[LinkEnd | None]


class MemberSlot(Bucketed, Base):
    """The member's row: one owner in one numbered slot; the cap is the highest number tried, not a count."""

    __tablename__ = "member_slot"
    __table_args__ = (
        bucket_agrees("member_id"),
        ForeignKeyConstraint(["bucket", "member_id"], ["person.bucket", "person.id"]),
        UniqueConstraint("bucket", "member_id", "owner_id"),
        CheckConstraint("slot_no BETWEEN 1 AND 64", name="slot_no"),
        {"info": PERSONAL},
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    owner_id: Mapped[UUID]
    link_id: Mapped[UUID]
    relationship: Mapped[str]
    owner_name: Mapped[bytes] = mapped_column(info=held(Sealed("member_id", row="link_id")))
    since: Mapped[datetime]
    is_frozen: Mapped[bool]


class SlotWait(Bucketed, Base):
    """An enrolment whose face has passed and that waits for one of the member's slots to become free."""

    __tablename__ = "slot_wait"
    __table_args__ = (bucket_agrees("member_id"), {"info": PERSONAL})

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime]


class LinkDispute(Identified, Base):
    """A member's objection to a link, in their own home; at most one is open for a link, and freezes it."""

    __tablename__ = "link_dispute"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "member_id"], ["person.bucket", "person.id"]),
        Index("uq_link_dispute_open", "bucket", "link_id", unique=True, postgresql_where=text("outcome IS NULL")),
        Index("ix_link_dispute_due", "lapses_at", postgresql_where=text("outcome IS NULL")),
        CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed_at"),
        {"info": PERSONAL},
    )

    member_id: Mapped[UUID]
    owner_id: Mapped[UUID]
    link_id: Mapped[UUID]
    reason: Mapped[LinkDisputeReason]
    opened_at: Mapped[datetime]
    lapses_at: Mapped[datetime]
    outcome: Mapped[DisputeOutcome | None]
    closed_at: Mapped[datetime | None]


class Milestone(Bucketed, Base):
    """A day on which a link changes because the member comes of age, in the member's home."""

    __tablename__ = "milestone"
    __table_args__ = (
        bucket_agrees("member_id"),
        ForeignKeyConstraint(["bucket", "member_id"], ["person.bucket", "person.id"]),
        Index("ix_milestone_due", "due_on", postgresql_where=text("done_at IS NULL")),
        {"info": PERSONAL},
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[MilestoneKind] = mapped_column(primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)
    done_at: Mapped[datetime | None]


class LinkEnding(Identified, Base):
    """A request to end links by a code, without an account; it lies in the bucket of the number that was named.

    `person_id` is None where name and number are nobody's, which nobody is told. The code is derived from `seed` and a
    key that is in no database.
    """

    __tablename__ = "link_ending"
    __table_args__ = (bucket_agrees(), {"info": PERSONAL})

    person_id: Mapped[UUID | None]
    seed: Mapped[bytes] = mapped_column(info=held(Plain("worth nothing without a pepper")))
    language: Mapped[str]
    tries_left: Mapped[int] = mapped_column(SmallInteger)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]


class Reconfirmation(Identified, Base):
    """The member's own consent and live face for a link that began with a photo, in the owner's home.

    `home_id` is that of whoever has begun it, the owner or the member: there its face checks lie. `services` are what
    the member agrees to, separated by spaces, having read the notice of `sha256`.
    """

    __tablename__ = "reconfirmation"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "link_id"], ["family_link.bucket", "family_link.id"]),
        Index(
            "uq_reconfirmation_open",
            "bucket",
            "link_id",
            unique=True,
            postgresql_where=text("state IN ('face_pending', 'in_review')"),
        ),
        {"info": PERSONAL},
    )

    link_id: Mapped[UUID]
    owner_id: Mapped[UUID]
    member_id: Mapped[UUID]
    home_id: Mapped[UUID]
    state: Mapped[ReconfirmationState]
    services: Mapped[str]
    notice_version: Mapped[str]
    language: Mapped[str]
    sha256: Mapped[str]
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
