"""Who receives benefits for life and so has to be certified each year, and the certifications.

Where somebody stands; time and the authority lead along the first line, and whatever certifies leads back to its start:

    not_due | passed | restored → due_soon → due → suspended
    due_soon | due → face_failed (until time leads on)
    any → in_review → passed | restored, or where time has led meanwhile

A certification, of which one succeeds in a day:

    open → reporting → passed | rejected (by the authority)
    open → in_review → reporting | rejected (by people)
    open → face_failed;  open | in_review → cancelled | not_needed (another was faster)
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, Sealed, bucket_agrees, held
from app.ports.certifications import Way


class Standing(StrEnum):
    """Where somebody stands with the certification of their benefits."""

    NOT_DUE = "not_due"
    DUE_SOON = "due_soon"
    DUE = "due"
    PASSED = "passed"
    FACE_FAILED = "face_failed"
    IN_REVIEW = "in_review"
    SUSPENDED = "suspended"
    RESTORED = "restored"


class Event(StrEnum):
    """What can lead somebody elsewhere: time, what the authority says, a face, people."""

    TIME = "time"
    LEARN = "learn"
    FAIL_FACE = "fail_face"
    ASK_PEOPLE = "ask_people"
    PASS = "pass"
    DECLINE = "decline"


_N, _S, _D, _P, _F, _R, _X, _B = Standing
_BY_TIME: frozenset[Standing] = frozenset({_S, _D, _X})
_BY_LEARNING: frozenset[Standing] = frozenset({_N, _S, _D, _P, _X, _B})
_ALWAYS: Mapping[Event, frozenset[Standing]] = {
    Event.LEARN: _BY_LEARNING,
    Event.ASK_PEOPLE: frozenset({_R}),
    Event.PASS: frozenset({_P, _B}),
}
NEXT: Mapping[Standing, Mapping[Event, frozenset[Standing]]] = {
    _N: {**_ALWAYS, Event.TIME: _BY_TIME},
    _S: {**_ALWAYS, Event.TIME: frozenset({_D, _X}), Event.FAIL_FACE: frozenset({_F})},
    _D: {**_ALWAYS, Event.TIME: frozenset({_X}), Event.FAIL_FACE: frozenset({_F})},
    _P: {**_ALWAYS, Event.TIME: _BY_TIME},
    _F: {**_ALWAYS, Event.TIME: frozenset({_D, _X}), Event.FAIL_FACE: frozenset({_F})},
    _R: {
        Event.LEARN: frozenset({_N, _P, _B}),
        Event.PASS: frozenset({_P, _B}),
        Event.DECLINE: _BY_LEARNING | {_F},
    },
    _X: _ALWAYS,
    _B: {**_ALWAYS, Event.TIME: _BY_TIME},
}
"""Which event leads where; what is not here leaves somebody where they are. In review no time runs."""


class CertificationState(StrEnum):
    """How far a certification is; `not_needed` when another was faster."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    REPORTING = "reporting"
    PASSED = "passed"
    FACE_FAILED = "face_failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    NOT_NEEDED = "not_needed"


STEPS: Mapping[CertificationState, frozenset[CertificationState]] = {
    CertificationState.OPEN: frozenset(CertificationState)
    - {CertificationState.OPEN, CertificationState.PASSED, CertificationState.REJECTED},
    CertificationState.IN_REVIEW: frozenset(
        {
            CertificationState.REPORTING,
            CertificationState.REJECTED,
            CertificationState.CANCELLED,
            CertificationState.NOT_NEEDED,
        }
    ),
    CertificationState.REPORTING: frozenset({CertificationState.PASSED, CertificationState.REJECTED}),
    CertificationState.PASSED: frozenset(),
    CertificationState.FACE_FAILED: frozenset(),
    CertificationState.REJECTED: frozenset(),
    CertificationState.CANCELLED: frozenset(),
    CertificationState.NOT_NEEDED: frozenset(),
}
"""A certification only moves on; `reporting` is a success that the authority has not confirmed."""


class Recipient(Bucketed, Base):
    """Whether and until when somebody has to be certified, as far as the authority has told us; in their home.

    `record` is what it told, sealed, at `learned_at`. `staged_on` is the day for which time was last looked at, and
    `look_at` when to look again. `reminded` is of how few days left they were told last; -1 is after the end.
    """

    __tablename__ = "benefit_recipient"
    __table_args__ = (
        bucket_agrees("person_id"),
        ForeignKeyConstraint(["bucket", "person_id"], ["person.bucket", "person.id"]),
        Index("ix_benefit_recipient_look", "look_at"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[Standing]
    due_on: Mapped[date | None]
    record: Mapped[bytes | None] = mapped_column(info=held(Sealed("person_id", row="person_id")))
    learned_at: Mapped[datetime | None]
    staged_on: Mapped[date]
    reminded: Mapped[int | None] = mapped_column(SmallInteger)
    look_at: Mapped[datetime]

    def advance(self, event: Event, to: Standing) -> bool:
        """Move on because of `event` if it leads from the present state to `to`, and say so. Only it writes `state`."""
        if to not in NEXT[self.state].get(event, frozenset()) or to is self.state:
            return False
        self.state = to
        return True


class Certification(Identified, Base):
    """One certification, in the home of whose benefits it is about.

    `home_id` is the home of whoever asked for it, where its face checks and its case lie. `certified_on` is the day in
    China on which it succeeded: one does for a person and a day. The address of a home visit is sealed, and goes with
    the decision. What was agreed to for the face is kept with it.
    """

    __tablename__ = "benefit_certification"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["home.bucket", "home.id"]),  # it outlives the person's name
        UniqueConstraint("bucket", "unit_id"),
        Index("ix_benefit_certification_person", "bucket", "person_id", "created_at"),
        Index(
            "uq_benefit_certification_open",
            "bucket",
            "person_id",
            "account_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index(
            "uq_benefit_certification_review",
            "bucket",
            "person_id",
            unique=True,
            postgresql_where=text("state = 'in_review'"),
        ),
        Index(
            "uq_benefit_certification_success",
            "bucket",
            "person_id",
            "certified_on",
            unique=True,
            postgresql_where=text("state IN ('reporting', 'passed')"),
        ),
        CheckConstraint("state NOT IN ('reporting', 'passed') OR certified_on IS NOT NULL", name="certified_on"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    home_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    link_id: Mapped[UUID | None]
    unit_id: Mapped[UUID]
    way: Mapped[Way]
    state: Mapped[CertificationState]
    version: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None]
    is_face_reused: Mapped[bool]
    notice_version: Mapped[str | None]
    notice_language: Mapped[str | None]
    notice_sha256: Mapped[str | None]
    channel: Mapped[str]
    address: Mapped[bytes | None] = mapped_column(info=held(Sealed("person_id")))
    certified_at: Mapped[datetime | None]
    certified_on: Mapped[date | None]
    valid_until: Mapped[date | None]
    reported_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    def advance(self, to: CertificationState, now: datetime) -> bool:
        """Move on if `to` follows the present state, and say whether it did. The only writer of `state`."""
        if to not in STEPS[self.state]:
            return False
        self.state = to
        self.version += 1
        if not STEPS[to]:
            self.ended_at, self.address = now, None
        return True
