"""Orders of physical cards, the steps each has taken, and the photo that goes on the card.

    draft ──→ submitted ──→ reviewed ──→ batched to bank ──→ account opened ──→ being made ──→ at branch ──→ collected
                 │  │           └───────────────┴───────────────────┴───────────────┴──────────────┤
                 │  └──────────────────────────────────────────────────────────────────────────→ failed
                 └──→ not submitted

`not_submitted` is what was submitted for a member by somebody who may no longer file for them when it is to leave.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.errors import Conflict, NextStep
from app.models.base import PERSONAL, Base, Bucketed, Sealed, bucket_agrees, held
from app.models.documents import EvidenceFile
from app.models.filings import Filing
from app.ports.card_orders import CardOrderFailure, CardOrderReason


class CardOrderStepNotAllowed(Conflict):
    """The order is not where this could be done."""

    code = "card-order-step-not-allowed"
    leads_to = NextStep("see-card-order", "/v1/holders/{holder}/card-orders/{order_id}")


class CardOrderState(StrEnum):
    """Where an order stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    BATCHED_TO_BANK = "batched_to_bank"
    ACCOUNT_OPENED = "account_opened"
    BEING_MADE = "being_made"
    AT_BRANCH = "at_branch"
    COLLECTED = "collected"
    FAILED = "failed"
    NOT_SUBMITTED = "not_submitted"
    WITHDRAWN = "withdrawn"


_S = CardOrderState
_WAY: Final = tuple(_S)[: tuple(_S).index(_S.COLLECTED) + 1]
NEXT: Final[Mapping[CardOrderState, frozenset[CardOrderState]]] = {
    **{here: frozenset({there, _S.FAILED}) for here, there in pairwise(_WAY)},
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.REVIEWED, _S.FAILED, _S.NOT_SUBMITTED, _S.WITHDRAWN}),
    _S.COLLECTED: frozenset(),
    _S.FAILED: frozenset(),
    _S.NOT_SUBMITTED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
ENDED: Final = frozenset(state for state, follows in NEXT.items() if not follows)
UNDER_WAY: Final = frozenset(NEXT) - ENDED - {_S.DRAFT}
"""A person has one such order at most."""
_UNDER_WAY = f"state NOT IN ({', '.join(repr(each.value) for each in _S if each not in UNDER_WAY)})"


class CardOrder(Filing, Base):
    """One order, in the home of the person whose card it is.

    The card is collected at an office, or sent to `address`, which is sealed.
    """

    __tablename__ = "card_order"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["person.bucket", "person.id"]),
        Index("uq_card_order_under_way", "bucket", "person_id", unique=True, postgresql_where=text(_UNDER_WAY)),
        Index("ix_card_order_person", "bucket", "person_id", "created_at"),
        Index("ix_card_order_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"info": PERSONAL},
    )

    reason: Mapped[CardOrderReason]
    office_id: Mapped[str | None]
    address: Mapped[bytes | None] = mapped_column(info=held(Sealed("person_id")))
    state: Mapped[CardOrderState]

    @property
    def may_withdraw(self) -> bool:
        """Whether it can be taken back: it has not left."""
        return CardOrderState.WITHDRAWN in NEXT[self.state] and self.left_at is None

    def advance(self, to: CardOrderState) -> None:
        """Move on. The only writer of `state`.

        Raises:
            CardOrderStepNotAllowed: `to` does not follow the present state in `NEXT`.
        """
        if to not in NEXT[self.state]:
            raise CardOrderStepNotAllowed
        self.state = to
        if to in ENDED:
            self.due_at = None


class CardOrderStep(Bucketed, Base):
    """One step of an order's timeline; `code` is what those who make cards call it, and None where it is ours."""

    __tablename__ = "card_order_step"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "order_id"], ["card_order.bucket", "card_order.id"]),
        {"info": PERSONAL},
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    person_id: Mapped[UUID]
    state: Mapped[CardOrderState]
    at: Mapped[datetime]
    code: Mapped[str | None]
    reason: Mapped[CardOrderFailure | None]
    recorded_at: Mapped[datetime]


class CardPhoto(EvidenceFile, Base):
    """The photo of an order: a face, so it goes with the decision, and after seven days at the latest."""

    __tablename__ = "card_photo"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),  # it may outlive its order by a sweep
        Index("uq_card_photo", "bucket", "order_id", unique=True, postgresql_where=text("state = 'stored'")),
        Index("ix_card_photo_purge", "purge_at"),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    order_id: Mapped[UUID]
