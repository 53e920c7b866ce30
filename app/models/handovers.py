"""Handovers: the face step of an enrolment, given to the member's own phone by a link and a spoken code.

    waiting → opened → done
       │         ├───→ refused | disputed (by the member: the enrolment ends)
       └─────────┴───→ ended (taken back, replaced, over, wrong codes, or the enrolment went elsewhere)

`done` means that the face step is over, whoever's camera it was: the member still reads how it went.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Identified, Plain, Sealed, bucket_agrees, held


class HandoverState(StrEnum):
    """What a handover waits for, or how it came to an end."""

    WAITING = "waiting"
    OPENED = "opened"
    DONE = "done"
    REFUSED = "refused"
    DISPUTED = "disputed"
    ENDED = "ended"


class HandoverEnd(StrEnum):
    """Why a handover is worth nothing any more."""

    TAKEN_BACK = "taken_back"
    REPLACED = "replaced"
    EXPIRED = "expired"
    WRONG_CODES = "wrong_codes"
    ENROLMENT_CHANGED = "enrolment_changed"


class DisputeReason(StrEnum):
    """Why a member disputes that they are to be added."""

    OWNER_UNKNOWN = "owner_unknown"
    NOT_ASKED = "not_asked"
    PRESSED = "pressed"
    OTHER = "other"


NEXT: Mapping[HandoverState, frozenset[HandoverState]] = {
    HandoverState.WAITING: frozenset({HandoverState.OPENED, HandoverState.ENDED}),
    HandoverState.OPENED: frozenset(HandoverState) - {HandoverState.WAITING, HandoverState.OPENED},
    HandoverState.DONE: frozenset(),
    HandoverState.REFUSED: frozenset(),
    HandoverState.DISPUTED: frozenset(),
    HandoverState.ENDED: frozenset(),
}
OPEN: frozenset[HandoverState] = frozenset({HandoverState.WAITING, HandoverState.OPENED})
"""An enrolment has one such handover at most."""
READABLE: frozenset[HandoverState] = frozenset(HandoverState) - {HandoverState.WAITING, HandoverState.ENDED}
"""The states in which the member's token is worth something, until its time is over."""


class Handover(Identified, Base):
    """One handover, in the home of its enrolment; a spoken code has so many tries.

    Link, spoken code and token are derived from `seed` and a key that is in no database. `expires_at` is the link's
    end, and once it is opened the token's. `device_id` stands for the device that opened it, wherever it comes again.
    """

    __tablename__ = "handover"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "enrolment_id"], ["enrolment.bucket", "enrolment.id"]),
        Index(
            "uq_handover_open",
            "bucket",
            "enrolment_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'opened')"),
        ),
        Index("ix_handover_enrolment", "bucket", "enrolment_id"),
        Index("ix_handover_disputed", "bucket", "home_id", postgresql_where=text("state = 'disputed'")),
        Index("ix_handover_due", "expires_at", postgresql_where=text("state IN ('waiting', 'opened')")),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    enrolment_id: Mapped[UUID]
    account_id: Mapped[UUID]
    member_id: Mapped[UUID]
    state: Mapped[HandoverState]
    ended_because: Mapped[HandoverEnd | None]
    seed: Mapped[bytes] = mapped_column(info=held(Plain("worth nothing without a key of the ring's root")))
    tries_left: Mapped[int] = mapped_column(SmallInteger)
    device_id: Mapped[UUID | None]
    device_name: Mapped[bytes | None] = mapped_column(info=held(Sealed("home_id")))
    platform: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    def advance(self, to: HandoverState, now: datetime) -> bool:
        """Move on if `to` follows the present state, and say whether it did. The only writer of `state`."""
        if to not in NEXT[self.state]:
            return False
        self.state = to
        if to is HandoverState.OPENED:
            self.opened_at = now
        else:
            self.ended_at = now
            self.device_name = None
        return True

    def is_over(self, now: datetime) -> bool:
        """Say whether its time is over, or it has come to an end."""
        return self.state not in OPEN or self.expires_at <= now
