"""Medical account sharing: an owner lets near relatives spend the money of his medical personal account.

A binding is a row in each home, as a family link is. The owner's row exists from the moment it is asked for; the
member's slot only once whoever has to agree has agreed. Both limits are keys: an owner's places and a member's slots
are numbered, each number taken once.

    pending → active ⇄ paused → ended
       └──────────────────────────↑ (declined, expired, taken back)
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.errors import Conflict
from app.models.base import PERSONAL, Base, Bucketed, Identified, Plain, Sealed, bucket_agrees, held


class SharingState(StrEnum):
    """`pending` until somebody agrees; `paused` by the owner: nothing is spent meanwhile."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class SharingWay(StrEnum):
    """By which door a binding came."""

    WEB_PAGE = "web_page"
    APP = "app"
    MINI_PROGRAM = "mini_program"
    BRANCH_WINDOW = "branch_window"
    HOSPITAL = "hospital"


class Confirming(StrEnum):
    """Who agrees before a binding is active.

    `member`: they themselves, in the app or by the code to their phone; `code`: by that code alone; `guardian`: by a
    code to a guardian's phone; `counter`: at a counter, for the register holds no phone. `nobody`: the owner is the
    guardian, or both cards lay at a counter. Phones are always those that the register holds.
    """

    MEMBER = "member"
    CODE = "code"
    GUARDIAN = "guardian"
    COUNTER = "counter"
    NOBODY = "nobody"


class Kin(StrEnum):
    """What a relative is to the owner, as far as the rules of sharing tell relatives apart; in-laws by region."""

    SPOUSE = "spouse"
    PARENT = "parent"
    CHILD = "child"
    SIBLING = "sibling"
    GRANDPARENT = "grandparent"
    GRANDCHILD = "grandchild"
    PARENT_IN_LAW = "parent_in_law"
    CHILD_IN_LAW = "child_in_law"
    SIBLING_IN_LAW = "sibling_in_law"


class SharingEnd(StrEnum):
    """Who or what ended a binding; `declined` is the member's no before it was active."""

    BY_OWNER = "by_owner"
    BY_MEMBER = "by_member"
    DECLINED = "declined"
    EXPIRED = "expired"
    BY_DISPUTE = "by_dispute"
    BY_DEATH = "by_death"
    ACCOUNT_CLOSED = "account_closed"


class FundsOrder(StrEnum):
    """Whose money is spent first, after the member's own."""

    BINDING_ORDER = "binding_order"
    HIGHEST_BALANCE = "highest_balance"
    CHOSEN = "chosen"


NEXT: Final[Mapping[SharingState, frozenset[SharingState]]] = {
    SharingState.PENDING: frozenset({SharingState.ACTIVE, SharingState.ENDED}),
    SharingState.ACTIVE: frozenset({SharingState.PAUSED, SharingState.ENDED}),
    SharingState.PAUSED: frozenset({SharingState.ACTIVE, SharingState.ENDED}),
    SharingState.ENDED: frozenset(),
}
LIVING: Final = frozenset({SharingState.ACTIVE, SharingState.PAUSED})
"""The states in which a member has a slot."""


class SharingStepNotAllowed(Conflict):
    """A binding cannot go from where it stands to there."""

    code = "sharing-step-not-allowed"


class SharingBinding(Identified, Base):
    """The owner's row: name and masked number are sealed under the owner's key and go with the end.

    `monthly_cap` is what the member may spend of the owner's money in a month of China's calendar; None: no cap.
    """

    __tablename__ = "sharing_binding"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "owner_id"], ["home.bucket", "home.id"]),  # the record outlives the person
        UniqueConstraint("bucket", "owner_id", "place_no"),
        Index(
            "uq_sharing_binding_member",
            "bucket",
            "owner_id",
            "member_id",
            unique=True,
            postgresql_where=text("state <> 'ended'"),
        ),
        Index("ix_sharing_binding_due", "expires_at", postgresql_where=text("state = 'pending'")),
        CheckConstraint("(state = 'ended') = (place_no IS NULL)", name="place_no"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at"),
        CheckConstraint("place_no BETWEEN 1 AND 64", name="places"),
        CheckConstraint("monthly_cap >= 0", name="monthly_cap"),
        {"info": PERSONAL},
    )

    owner_id: Mapped[UUID]
    member_id: Mapped[UUID]
    relationship: Mapped[str]
    state: Mapped[SharingState]
    place_no: Mapped[int | None] = mapped_column(SmallInteger)
    way: Mapped[SharingWay]
    channel: Mapped[str | None]
    confirming: Mapped[Confirming]
    monthly_cap: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    member_name: Mapped[bytes | None] = mapped_column(info=held(Sealed("owner_id")))
    member_number: Mapped[bytes | None] = mapped_column(info=held(Sealed("owner_id")))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    active_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[SharingEnd | None]

    def advance(self, to: SharingState) -> None:
        """Move on. The only writer of `state`.

        Raises:
            SharingStepNotAllowed: `to` does not follow the current state in `NEXT`.
        """
        if to not in NEXT[self.state]:
            raise SharingStepNotAllowed
        self.state = to


class SharerSlot(Bucketed, Base):
    """The member's row: one sharer in one numbered slot; what is drawn from whom is read here alone.

    `position` is the place in an order that the member has chosen; None: after those that have one.
    """

    __tablename__ = "sharer_slot"
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
    binding_id: Mapped[UUID]
    relationship: Mapped[str]
    owner_name: Mapped[bytes] = mapped_column(info=held(Sealed("member_id", row="binding_id")))
    is_paused: Mapped[bool]
    monthly_cap: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    position: Mapped[int | None] = mapped_column(SmallInteger)
    since: Mapped[datetime]


class SharingRequest(Bucketed, Base):
    """A binding that waits for somebody to agree, in the member's home; it goes when it is answered or over.

    The code is derived from `seed` and a key that is in no database; `sent_at` is when one was last sent for.
    """

    __tablename__ = "sharing_request"
    __table_args__ = (
        bucket_agrees("member_id"),
        ForeignKeyConstraint(["bucket", "member_id"], ["person.bucket", "person.id"]),
        {"info": PERSONAL},
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    binding_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    relationship: Mapped[str]
    owner_name: Mapped[bytes] = mapped_column(info=held(Sealed("member_id", row="binding_id")))
    confirming: Mapped[Confirming]
    seed: Mapped[bytes] = mapped_column(info=held(Plain("worth nothing without a key of the ring")))
    language: Mapped[str]
    tries_left: Mapped[int] = mapped_column(SmallInteger)
    asked_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    code_until: Mapped[datetime]
    expires_at: Mapped[datetime]


class SharingOrder(Bucketed, Base):
    """How a member wants their sharers' money spent; without a row it is as the rules say."""

    __tablename__ = "sharing_order"
    __table_args__ = (
        bucket_agrees("member_id"),
        ForeignKeyConstraint(["bucket", "member_id"], ["person.bucket", "person.id"]),
        {"info": PERSONAL},
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    funds_order: Mapped[FundsOrder]
    set_at: Mapped[datetime]
