"""The add flow, for oneself and for a relative: one machine, two kinds.

    notice_pending → details_pending → documents_pending → face_pending → active    (family member)
                                    └────────────────────→ face_pending → password_pending → active    (own card)
                                             │                │  ↑
                                             ↓                ↓  │
                                             └──────────→ in_review → active | password_pending | rejected
    in_review → documents_pending | face_pending (people ask for more)
    documents_pending → in_review (the papers are there, and no face is to be shown: it is never the only way)
    documents_pending | in_review → face_pending (attested at a counter: the face step is done there, without a face)
    face_pending → rejected (the face has passed, and the register now says that there can be no card or no link)
    any open state → cancelled | expired (no clock runs in review)

`NEXT` is the whole machine: which event a state answers and where it may lead. Everything else is `StepNotAllowed`.
A consent may be withdrawn in every state that has one, in review too: it takes the enrolment back to what it asks for.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.errors import Conflict, NextStep
from app.models.base import PERSONAL, Base, Identified, Sealed, bucket_agrees, held
from app.models.people import Proof
from app.ports.face import FaceReason


class StepNotAllowed(Conflict):
    """The enrolment's state does not answer this event; `next_step` says what it waits for."""

    code = "step-not-allowed"


class EnrolmentKind(StrEnum):
    """For oneself, or for a relative."""

    OWN_CARD = "own_card"
    FAMILY_MEMBER = "family_member"


class State(StrEnum):
    """What an enrolment waits for, or how it ended."""

    NOTICE_PENDING = "notice_pending"
    DETAILS_PENDING = "details_pending"
    DOCUMENTS_PENDING = "documents_pending"
    FACE_PENDING = "face_pending"
    PASSWORD_PENDING = "password_pending"
    IN_REVIEW = "in_review"
    ACTIVE = "active"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Event(StrEnum):
    """What can happen to an enrolment."""

    ACKNOWLEDGE_NOTICE = "acknowledge_notice"
    GIVE_DETAILS = "give_details"
    CHANGE_DOCUMENTS = "change_documents"
    CONSENT = "consent"
    WITHDRAW_CONSENT = "withdraw_consent"
    BIRTHDAY = "birthday"
    HAND_OVER = "hand_over"
    START_FACE = "start_face"
    PASS_FACE = "pass_face"
    FAIL_FACE = "fail_face"
    GET_SLOT = "get_slot"
    ASK_FOR_REVIEW = "ask_for_review"
    APPROVE = "approve"
    REJECT = "reject"
    ASK_FOR_MORE = "ask_for_more"
    ATTEST = "attest"
    SET_PASSWORD = "set_password"
    CANCEL = "cancel"
    EXPIRE = "expire"


_N, _DE, _DO, _F, _P, _R = (
    State.NOTICE_PENDING,
    State.DETAILS_PENDING,
    State.DOCUMENTS_PENDING,
    State.FACE_PENDING,
    State.PASSWORD_PENDING,
    State.IN_REVIEW,
)
_ENDINGS: Mapping[Event, frozenset[State]] = {
    Event.CANCEL: frozenset({State.CANCELLED}),
    Event.EXPIRE: frozenset({State.EXPIRED}),
}
_GOING_BACK: Mapping[Event, frozenset[State]] = {
    Event.ACKNOWLEDGE_NOTICE: frozenset({_DE}),
    Event.GIVE_DETAILS: frozenset({_DO, _F}),
}
NEXT: Mapping[State, Mapping[Event, frozenset[State]]] = {
    _N: {Event.ACKNOWLEDGE_NOTICE: frozenset({_DE}), **_ENDINGS},
    _DE: {**_GOING_BACK, **_ENDINGS},
    _DO: {
        **_GOING_BACK,
        Event.CHANGE_DOCUMENTS: frozenset({_DO, _F}),
        Event.CONSENT: frozenset({_DO, _F}),
        Event.WITHDRAW_CONSENT: frozenset({_DO}),
        Event.BIRTHDAY: frozenset({_F}),
        Event.ASK_FOR_REVIEW: frozenset({_R}),
        Event.ATTEST: frozenset({_F}),
        **_ENDINGS,
    },
    _F: {
        **_GOING_BACK,
        Event.CHANGE_DOCUMENTS: frozenset({_DO, _F}),
        Event.CONSENT: frozenset({_DO, _F}),
        Event.WITHDRAW_CONSENT: frozenset({_DO, _F}),
        Event.HAND_OVER: frozenset({_F}),
        Event.START_FACE: frozenset({_F}),
        Event.PASS_FACE: frozenset({_F, _P, _R, State.ACTIVE}),
        Event.FAIL_FACE: frozenset({_F, _R}),
        Event.GET_SLOT: frozenset({State.ACTIVE}),
        Event.ASK_FOR_REVIEW: frozenset({_R}),
        Event.ATTEST: frozenset({_F}),
        Event.REJECT: frozenset({State.REJECTED}),
        **_ENDINGS,
    },
    _P: {
        **_GOING_BACK,
        Event.WITHDRAW_CONSENT: frozenset({_P}),
        Event.SET_PASSWORD: frozenset({State.ACTIVE}),
        **_ENDINGS,
    },
    _R: {
        Event.WITHDRAW_CONSENT: frozenset({_DO, _F}),
        Event.APPROVE: frozenset({_F, _P, State.ACTIVE}),
        Event.REJECT: frozenset({State.REJECTED}),
        Event.ASK_FOR_MORE: frozenset({_DO, _F}),
        Event.ATTEST: frozenset({_F}),
        Event.CANCEL: frozenset({State.CANCELLED}),
    },
    State.ACTIVE: {},
    State.REJECTED: {},
    State.CANCELLED: {},
    State.EXPIRED: {},
}
OPEN: frozenset[State] = frozenset(state for state, events in NEXT.items() if events)
"""The states that something can still happen in."""


_WAITS_FOR: Mapping[State, tuple[str, str]] = {
    _N: ("notice", "/notice-acknowledgement"),
    _DE: ("details", "/details"),
    _DO: ("documents", ""),  # its requirements tell which
    _F: ("face-check", "/face-checks"),
    _P: ("card-password", "/card-password"),
    _R: ("wait-for-review", ""),
}
_NOTICES = {EnrolmentKind.OWN_CARD: "own-card", EnrolmentKind.FAMILY_MEMBER: "family-account"}


class Guardianship(StrEnum):
    """Why the owner may act for the member, as far as age asks for it."""

    NOT_NEEDED = "not_needed"
    BY_REGISTER = "by_register"
    BY_DOCUMENTS = "by_documents"
    OTHER_RELATIVE = "other_relative"


class Enrolment(Identified, Base):
    """One run of the add flow. It lives in the home it was opened in: the account's, or the owner's.

    The member's name, number and birth date are sealed under that home's key. `face_passed_at` with the state
    `face_pending` means that the face has passed and one of the member's slots is awaited; `proof` says how it was seen
    who the member is; `channel_proofs` are the words of what its channel has proved (`ChannelProof`). `asked_for` is
    what people asked for, until the step that it belongs to is left behind.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),
        Index("ix_enrolment_account", "bucket", "account_id", "state"),
        Index("ix_enrolment_expiry", "expires_at", postgresql_where=text("ended_at IS NULL")),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    account_id: Mapped[UUID]
    owner_id: Mapped[UUID | None]
    kind: Mapped[EnrolmentKind]
    state: Mapped[State]
    version: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str]
    channel_proofs: Mapped[str | None]
    member_id: Mapped[UUID | None]
    member_name: Mapped[bytes | None] = mapped_column(info=held(Sealed("home_id")))
    member_number: Mapped[bytes | None] = mapped_column(info=held(Sealed("home_id")))
    member_birth_date: Mapped[bytes | None] = mapped_column(info=held(Sealed("home_id")))
    relationship: Mapped[str | None]
    guardianship: Mapped[Guardianship | None]
    link_id: Mapped[UUID | None]
    face_passed_at: Mapped[datetime | None]
    proof: Mapped[Proof | None]
    last_face_reason: Mapped[FaceReason | None]
    rejection: Mapped[str | None]
    asked_for: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    review_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    def require(self, event: Event) -> None:
        """Check that the present state answers `event`.

        Raises:
            StepNotAllowed: it does not.
        """
        if event not in NEXT[self.state]:
            raise self.refusal

    def advance(self, event: Event, to: State, now: datetime) -> None:
        """Move on because of `event`. The only writer of `state`.

        The clock of an enrolment stands still in review: what was left when it went in is left when it comes out.

        Raises:
            StepNotAllowed: `event` does not lead from the present state to `to`.
        """
        if to not in NEXT[self.state].get(event, frozenset()):
            raise self.refusal
        if to is State.IN_REVIEW:
            self.review_since = now
        elif self.review_since is not None:
            self.expires_at += now - self.review_since
            self.review_since = None
        if to not in (_DO, _F):
            self.asked_for = None
        self.state = to
        self.version += 1
        if to not in OPEN:
            self.ended_at = now

    def forget_face(self) -> None:
        """Let it be open again who the member is: what was shown rested on something that has changed."""
        self.face_passed_at = self.last_face_reason = self.proof = None

    @property
    def refusal(self) -> StepNotAllowed:
        """The refusal of a step that the state does not answer; it says which one it waits for."""
        if self.state is State.ACTIVE:
            is_own = self.kind is EnrolmentKind.OWN_CARD
            see = NextStep("see-card", "/v1/holders/me/card") if is_own else NextStep("see-family", "/v1/family")
            return StepNotAllowed(next_step=see)
        if self.state not in _WAITS_FOR:
            return StepNotAllowed(next_step=NextStep("start-again", "/v1/enrolments"))
        action, path = ("wait-for-slot", "") if self.awaits_slot else _WAITS_FOR[self.state]
        notice = f"/v1/notices/{self.notice}" if self.state is State.NOTICE_PENDING else None
        return StepNotAllowed(next_step=NextStep(action, f"/v1/enrolments/{self.id}{path}", notice))

    @property
    def notice(self) -> str:
        """The code of the notice that it begins with."""
        return _NOTICES[self.kind]

    @property
    def is_open(self) -> bool:
        """Whether something can still happen."""
        return self.state in OPEN

    @property
    def awaits_slot(self) -> bool:
        """Whether the face has passed and the member has no slot free."""
        return self.state is State.FACE_PENDING and self.face_passed_at is not None
