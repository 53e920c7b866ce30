"""The registry of channels: what each is, what may be done in it, its keys, and where it hears of its cards."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, REFERENCE, Base, Bucketed, Digest, Sealed, held

TIE_DAYS: Final = 180  # as long as a device is known that nobody uses


class ChannelKind(StrEnum):
    """What a channel is."""

    APP = "app"
    MINI_PROGRAM = "mini_program"
    BANK_APP = "bank_app"
    WEB_PAGE = "web_page"
    COUNTER = "counter"
    HOSPITAL = "hospital"


class ChannelStatus(StrEnum):
    """Whether a channel is there: what is suspended comes back as it was, what was removed is added anew."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REMOVED = "removed"


class ChannelService(StrEnum):
    """What may be done in a channel; to see one's own card, and what is held of one, may be done in each."""

    SHOW_CODE = "show_code"
    ENROL = "enrol"
    RIGHTS = "rights"
    CERTIFICATIONS = "certifications"
    TRANSFERS = "transfers"
    CARD_ORDERS = "card_orders"
    SHARING = "sharing"


class ChannelProof(StrEnum):
    """What a channel may have proved before an application is begun there: it counts as met (policy, by its level).

    That its user is the holder, by a sign-in just now; that it has shown the notice in force; that it has seen the
    member's identity document. A member's face is never among it.
    """

    OWNER = "owner"
    NOTICE = "notice"
    IDENTITY_DOCUMENT = "identity_document"


class CardEvent(StrEnum):
    """What a channel can hear of a card that is used there; by the card's issue number in that channel alone."""

    ISSUED = "card.issued"
    CHANGED = "card.changed"
    LEFT = "card.left"


class Channel(Base):
    """A channel; its name is the one of sessions and issue numbers, and is its own for ever.

    `level` (1 to 3) says how much is believed of what it has proved of its users. `services` and `events` are words
    with spaces between. `is_open` repeats that it and every channel above it are active; whoever writes a status writes
    it. `entry` is where people are led who are sent here. `secrets` are sealed, for `id`: the newest signs events, and
    the one before it too until it is dropped; without a `url` it hears nothing. `identity_by` is the platform that
    knows its users, and what that gives to it is sealed too. Without a limit it has none but those of everybody.
    """

    __tablename__ = "channel"
    __table_args__ = (CheckConstraint("level BETWEEN 1 AND 3", name="level"), {"info": REFERENCE})

    name: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    kind: Mapped[ChannelKind]
    level: Mapped[int] = mapped_column(SmallInteger)
    parent: Mapped[str | None] = mapped_column(ForeignKey("channel.name"))
    services: Mapped[str]
    status: Mapped[ChannelStatus]
    is_open: Mapped[bool]
    entry: Mapped[str | None]
    url: Mapped[str | None]
    secrets: Mapped[bytes | None] = mapped_column(info=held(Sealed(None)))
    identity_by: Mapped[str | None]
    identity_options: Mapped[bytes | None] = mapped_column(info=held(Sealed(None)))
    requests_per_minute: Mapped[int | None] = mapped_column(Integer)
    enrolments_per_day: Mapped[int | None] = mapped_column(Integer)
    events: Mapped[str]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    @property
    def allowed(self) -> frozenset[ChannelService]:
        """What may be done in it."""
        return frozenset(ChannelService(word) for word in self.services.split())


class ChannelKey(Base):
    """A public key that a channel signs with (a JWK, RFC 7517); it may have several at a time, each with its `kid`."""

    __tablename__ = "channel_key"
    __table_args__ = ({"info": REFERENCE},)

    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"), primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    jwk: Mapped[dict[str, Any]]
    added_at: Mapped[datetime]


class ChannelMessage(Bucketed, Base):
    """Something that a channel has signed and we have heard: its `jti` is never taken again; the bucket is of both."""

    __tablename__ = "channel_message"
    __table_args__ = ({"info": PERSONAL},)

    channel: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str] = mapped_column(primary_key=True)
    heard_at: Mapped[datetime]


class ChannelLogin(Bucketed, Base):
    """A user of a channel who signs in to an account; the bucket belongs to the user's name, `account_id` routes on.

    Of the name that the channel's platform has for them only keyed digests are kept, a row for each pepper in use; who
    has not come for `TIE_DAYS` signs in once more.
    """

    __tablename__ = "channel_login"
    __table_args__ = ({"info": PERSONAL},)

    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"), primary_key=True)
    subject_hmac: Mapped[bytes] = mapped_column(
        primary_key=True, info=held(Digest(since="last_used_at", days=TIE_DAYS))
    )
    key_version: Mapped[int] = mapped_column(SmallInteger)
    account_id: Mapped[UUID]
    last_used_at: Mapped[datetime]


class ChannelTie(Bucketed, Base):
    """That an account is entered from a channel, by one user of it at most: the account's side of a `ChannelLogin`."""

    __tablename__ = "channel_tie"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "account_id"], ["account.bucket", "account.id"]),
        {"info": PERSONAL},
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channel.name"), primary_key=True)
    login_bucket: Mapped[int] = mapped_column(Integer)
    tied_at: Mapped[datetime]
