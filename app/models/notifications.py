"""What people were told, and how they wish to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, Sealed, bucket_agrees, held


class Notification(Identified, Base):
    """One event as one person is told of it; the key holds that it is one.

    `message` is a code of `app/texts` and `parameters` are the values of its places, sealed: it is put into words when
    it is read. `sms_at` and `push_at` say when it was handed over, so that no way is gone twice.
    """

    __tablename__ = "notification"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "home_id"], ["home.bucket", "home.id"]),
        UniqueConstraint("bucket", "home_id", "event_id"),
        Index("ix_notification_newest", "bucket", "home_id", "created_at", "id"),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    event_id: Mapped[UUID]
    message: Mapped[str]
    parameters: Mapped[bytes] = mapped_column(info=held(Sealed("home_id")))
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    sms_at: Mapped[datetime | None]
    push_at: Mapped[datetime | None]


class NotificationWish(Bucketed, Base):
    """How an account's holder wishes to be told; `switched_off` are topics and ways, as `family.sms cards.push`."""

    __tablename__ = "notification_wish"
    __table_args__ = (
        bucket_agrees("account_id"),
        ForeignKeyConstraint(["bucket", "account_id"], ["account.bucket", "account.id"]),
        CheckConstraint("language IN ('zh-CN', 'en', 'es')", name="language"),
        {"info": PERSONAL},
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    language: Mapped[str]
    switched_off: Mapped[str]
    changed_at: Mapped[datetime]
