"""Accounts, the phones that open them, their devices and sessions."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Identified, Plain, Sealed, bucket_agrees, held


class SmsPurpose(StrEnum):
    """What an SMS code is for; a code serves one purpose only."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    CARD_PASSWORD_RESET = "card_password_reset"
    NEW_DEVICE = "new_device"
    END_LINK = "end_link"
    CHANGE_PHONE = "change_phone"


class Assurance(StrEnum):
    """How surely a session's holder is the account's: `sms` on a device not seen before reads nothing."""

    SMS = "sms"
    FULL = "full"


class SessionEnd(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "signed_out"
    TOKEN_REUSED = "token_reused"
    MOVED_HOME = "moved_home"
    DEVICE_REMOVED = "device_removed"
    TAKEN_OVER = "taken_over"
    LEFT_CHANNEL = "left_channel"


class Login(Bucketed, Base):
    """A phone that signs in to an account; its bucket belongs to the phone, `account_id` routes on."""

    __tablename__ = "login"
    __table_args__ = ({"info": PERSONAL},)

    phone_hmac: Mapped[bytes] = mapped_column(
        primary_key=True, info=held(Digest(derived_from="account.phone", kind="phone"))
    )
    key_version: Mapped[int] = mapped_column(SmallInteger)
    account_id: Mapped[UUID]


class Account(Identified, Base):
    """An account; it is its own home until own-card details name the person."""

    __tablename__ = "account"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "id"], ["home.bucket", "home.id"]),
        {"info": PERSONAL},
    )

    phone: Mapped[bytes] = mapped_column(info=held(Sealed("id")))
    password_hash: Mapped[str]
    person_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Device(Identified, Base):
    """A phone or browser that an account has signed in on; `push_address` is where its app can be told something.

    `is_trusted`: more than a phone was proved on it. `phone_checked_at`: when the account's phone was, by a code.
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("bucket", "account_id", "device_hmac"),
        ForeignKeyConstraint(["bucket", "account_id"], ["account.bucket", "account.id"]),
        bucket_agrees(),
        {"info": PERSONAL},
    )

    account_id: Mapped[UUID]
    device_hmac: Mapped[bytes] = mapped_column(info=held(Digest(since="last_seen_at", days=180)))
    name: Mapped[bytes] = mapped_column(info=held(Sealed("account_id")))
    platform: Mapped[str]
    is_trusted: Mapped[bool]
    push_address: Mapped[bytes | None] = mapped_column(info=held(Sealed("account_id")))
    phone_checked_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class SignedIn(Identified, Base):
    """A session, in the home its requests work in: the account's, and once named the person's.

    Refresh tokens are derived from `seed` and `generation`; `successor_id` is the session that took over when the
    account moved into its person's home. `is_phone_checked` repeats of its device, whose row may lie elsewhere, that
    the account's phone was proved on it.
    """

    __tablename__ = "session"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),
        Index("ix_session_account", "bucket", "account_id"),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    account_id: Mapped[UUID]
    person_id: Mapped[UUID | None]
    device_id: Mapped[UUID]
    device_name: Mapped[bytes] = mapped_column(info=held(Sealed("home_id")))
    platform: Mapped[str]
    channel: Mapped[str]
    assurance: Mapped[Assurance]
    is_phone_checked: Mapped[bool]
    seed: Mapped[bytes] = mapped_column(info=held(Plain("worth nothing without a key of the ring's root")))
    generation: Mapped[int] = mapped_column(Integer)
    rotated_at: Mapped[datetime]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[SessionEnd | None]
    successor_id: Mapped[UUID | None]


class SmsCode(Bucketed, Base):
    """A code sent to a phone for a purpose; asked for on a device, it is good there alone."""

    __tablename__ = "sms_code"
    __table_args__ = ({"info": PERSONAL},)

    phone_hmac: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="expires_at")))
    purpose: Mapped[SmsPurpose] = mapped_column(primary_key=True)
    code_hmac: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="expires_at")))
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries_left: Mapped[int] = mapped_column(SmallInteger)
    used_at: Mapped[datetime | None]
    device_hmac: Mapped[bytes | None] = mapped_column(info=held(Digest(gone_by="expires_at")))
