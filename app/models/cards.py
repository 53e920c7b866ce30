"""The electronic card, where it is used, and its password."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Identified, Sealed, bucket_agrees, held
from app.models.people import Proof
from app.ports.register import PhysicalCardStatus


class Card(Bucketed, Base):
    """A person's e-card; one each, so the person is its key.

    `activated_at` is when the holder set a password; without it the card is shown by family only. `proof` is how it was
    seen last who the holder is. `closed_at` is since
    when the register has held its holder dead. `asked_at` is when the register was asked what the row says of the
    physical card, and `ask_due_at` when it is asked again. `suspended_by` is the person who suspended it.
    `loss_agreed_at` is since when a consent is in force to using it while the physical card is lost.
    """

    __tablename__ = "card"
    __table_args__ = (
        bucket_agrees("person_id"),
        ForeignKeyConstraint(["bucket", "person_id"], ["person.bucket", "person.id"]),
        CheckConstraint("level IN (1, 2)", name="level"),
        CheckConstraint("(suspended_at IS NULL) = (suspended_by IS NULL)", name="suspended"),
        Index("ix_card_ask_due", "ask_due_at"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)
    region: Mapped[str]
    physical_status: Mapped[PhysicalCardStatus]
    card_number: Mapped[bytes] = mapped_column(info=held(Sealed("person_id", row="person_id")))
    issued_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    proof: Mapped[Proof | None]
    suspended_at: Mapped[datetime | None]
    suspended_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    loss_agreed_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    ask_due_at: Mapped[datetime]


class CardIssue(Bucketed, Base):
    """An issuance of the e-card in one channel, under its issue number (signNo)."""

    __tablename__ = "card_issue"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "person_id"], ["card.bucket", "card.person_id"]),
        UniqueConstraint("bucket", "issue_number"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    issue_number: Mapped[str]
    issued_at: Mapped[datetime]


class UpgradeState(StrEnum):
    """Where adding payment to a card stands."""

    FACE_PENDING = "face_pending"
    IN_REVIEW = "in_review"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


OPEN_UPGRADES: Final = frozenset({UpgradeState.FACE_PENDING, UpgradeState.IN_REVIEW})
_ENDED: Final = frozenset(UpgradeState) - OPEN_UPGRADES
NEXT_OF_UPGRADE: Final[Mapping[UpgradeState, frozenset[UpgradeState]]] = {
    UpgradeState.FACE_PENDING: _ENDED | {UpgradeState.IN_REVIEW},
    UpgradeState.IN_REVIEW: _ENDED,
    UpgradeState.DONE: frozenset({UpgradeState.WITHDRAWN}),
    UpgradeState.REJECTED: frozenset(),
    UpgradeState.WITHDRAWN: frozenset(),
}
"""A card pays while an upgrade of it is done; taking payment off withdraws it."""


class CardUpgrade(Identified, Base):
    """An agreement to add payment to a card, with the exact text that was shown; one in force for a person.

    `rejection` is why it was declined: a finding of people's, or a problem code of the card's.
    """

    __tablename__ = "card_upgrade"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["home.bucket", "home.id"]),  # it outlives the card, as a consent
        Index(
            "uq_card_upgrade_in_force",
            "bucket",
            "person_id",
            unique=True,
            postgresql_where=text("state IN ('face_pending', 'in_review', 'done')"),
        ),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    account_id: Mapped[UUID]
    device_id: Mapped[UUID]
    channel: Mapped[str]
    state: Mapped[UpgradeState]
    notice_version: Mapped[str]
    language: Mapped[str]
    sha256: Mapped[str]
    agreed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    rejection: Mapped[str | None]

    def advance(self, to: UpgradeState, now: datetime) -> bool:
        """Move on if `to` follows the present state, and say whether it did."""
        if to not in NEXT_OF_UPGRADE[self.state]:
            return False
        self.state = to
        self.ended_at = now if to in _ENDED else None
        return True


class CardPassword(Bucketed, Base):
    """The password of a card and how guessing stands.

    `streak` counts wrong values since the last right one or lock, `wrong_since_right` all since the last right one.
    `checking_id` is the one check that runs now; it lapses at `checking_until`. `change_hmac` is of the old and the new
    password of the change that set it, if one did: sent again, late, it is known.
    """

    __tablename__ = "card_password"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "person_id"], ["card.bucket", "card.person_id"]),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[str]
    version: Mapped[int] = mapped_column(SmallInteger)
    set_at: Mapped[datetime]
    change_hmac: Mapped[bytes | None] = mapped_column(info=held(Digest(since="set_at", days=7)))
    streak: Mapped[int] = mapped_column(SmallInteger)
    wrong_since_right: Mapped[int] = mapped_column(SmallInteger)
    locked_until: Mapped[datetime | None]
    checking_id: Mapped[UUID | None]
    checking_until: Mapped[datetime | None]


class CardPasswordWrong(Identified, Base):
    """A wrong password of the last 24 hours; the same wrong value again is not counted again."""

    __tablename__ = "card_password_wrong"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["card_password.bucket", "card_password.person_id"]),
        UniqueConstraint("bucket", "person_id", "value_hmac", "at"),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    value_hmac: Mapped[bytes] = mapped_column(info=held(Digest(since="at", days=7)))
    at: Mapped[datetime]


class ResetState(StrEnum):
    """Where a reset of the card password stands."""

    FACE_PENDING = "face_pending"
    IN_REVIEW = "in_review"
    READY = "ready"
    DONE = "done"
    REJECTED = "rejected"


class CardPasswordReset(Identified, Base):
    """A reset of the card password: SMS code, then the holder's face, then the new password."""

    __tablename__ = "card_password_reset"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "person_id"], ["card.bucket", "card.person_id"]),
        {"info": PERSONAL},
    )

    person_id: Mapped[UUID]
    account_id: Mapped[UUID]
    state: Mapped[ResetState]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
