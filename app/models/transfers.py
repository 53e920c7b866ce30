"""Transfers of social insurance from one place to another, and the steps each has taken.

    draft ──→ submitted ──→ reviewing at new place ──→ letter sent ──→ reviewing at old place ──→ funds sent
      │           │                  │      │               │                  │                     ↓
      │           │                  │      └── rejected ←──┼──────────────────┘              funds received
      ↓           ↓                  ↓                      ↓                                        ↓
    withdrawn ←───┴──────────────────┴──────────────────────┘                           done ←── settling

`not_submitted` is what was submitted for a member by somebody who may no longer file for them when it is to leave.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.errors import Conflict, NextStep
from app.models.base import PERSONAL, Base, Bucketed, bucket_agrees
from app.models.filings import Filing
from app.ports.transfers import TransferInsurance, TransferRejection


class TransferStepNotAllowed(Conflict):
    """The transfer is not where this could be done."""

    code = "transfer-step-not-allowed"
    leads_to = NextStep("see-transfer", "/v1/holders/{holder}/transfers/{transfer_id}")


class TransferState(StrEnum):
    """Where a transfer stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REVIEWING_AT_NEW_PLACE = "reviewing_at_new_place"
    LETTER_SENT = "letter_sent"
    REVIEWING_AT_OLD_PLACE = "reviewing_at_old_place"
    FUNDS_SENT = "funds_sent"
    FUNDS_RECEIVED = "funds_received"
    SETTLING = "settling"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    NOT_SUBMITTED = "not_submitted"


class Withdrawal(StrEnum):
    """What became of the wish to take a transfer back that has left already."""

    ASKED = "asked"
    REFUSED = "refused"


_S = TransferState
NEXT: Final[Mapping[TransferState, frozenset[TransferState]]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.REVIEWING_AT_NEW_PLACE, _S.REJECTED, _S.WITHDRAWN, _S.NOT_SUBMITTED}),
    _S.REVIEWING_AT_NEW_PLACE: frozenset({_S.LETTER_SENT, _S.REJECTED, _S.WITHDRAWN}),
    _S.LETTER_SENT: frozenset({_S.REVIEWING_AT_OLD_PLACE, _S.WITHDRAWN}),
    _S.REVIEWING_AT_OLD_PLACE: frozenset({_S.FUNDS_SENT, _S.REJECTED}),
    _S.FUNDS_SENT: frozenset({_S.FUNDS_RECEIVED}),
    _S.FUNDS_RECEIVED: frozenset({_S.SETTLING}),
    _S.SETTLING: frozenset({_S.DONE}),
    _S.DONE: frozenset(),
    _S.REJECTED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.NOT_SUBMITTED: frozenset(),
}
ENDED: Final = frozenset(state for state, follows in NEXT.items() if not follows)
UNDER_WAY: Final = frozenset(NEXT) - ENDED - {_S.DRAFT}
"""A person has one such transfer of an insurance at most."""
WITHDRAWABLE: Final = frozenset(state for state, follows in NEXT.items() if _S.WITHDRAWN in follows)
_UNDER_WAY = f"state NOT IN ({', '.join(repr(each.value) for each in _S if each not in UNDER_WAY)})"


class Transfer(Filing, Base):
    """One transfer, in the home of the person whose insurance it is.

    `obstacles` are the checks that failed when it was last looked at.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["person.bucket", "person.id"]),
        Index(
            "uq_transfer_under_way", "bucket", "person_id", "insurance", unique=True, postgresql_where=text(_UNDER_WAY)
        ),
        Index("ix_transfer_person", "bucket", "person_id", "created_at"),
        Index("ix_transfer_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"info": PERSONAL},
    )

    insurance: Mapped[TransferInsurance]
    from_region: Mapped[str]
    from_name: Mapped[str | None]
    to_region: Mapped[str]
    to_name: Mapped[str | None]
    state: Mapped[TransferState]
    obstacles: Mapped[str]
    withdrawal: Mapped[Withdrawal | None]

    def advance(self, to: TransferState) -> None:
        """Move on. The only writer of `state`.

        Raises:
            TransferStepNotAllowed: `to` does not follow the present state in `NEXT`.
        """
        if to not in NEXT[self.state]:
            raise TransferStepNotAllowed
        self.state = to
        if to in ENDED:
            self.due_at = None


class TransferStep(Bucketed, Base):
    """One step of a transfer's timeline; `code` is what a place calls it, and None where the step is ours."""

    __tablename__ = "transfer_step"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "transfer_id"], ["transfer.bucket", "transfer.id"]),
        {"info": PERSONAL},
    )

    transfer_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    person_id: Mapped[UUID]
    state: Mapped[TransferState]
    at: Mapped[datetime]
    code: Mapped[str | None]
    reason: Mapped[TransferRejection | None]
    recorded_at: Mapped[datetime]
