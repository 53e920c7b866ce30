"""The record of what was done, to whom, by whom: chained in each home, never changed."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Plain, bucket_agrees, held


class ActorKind(StrEnum):
    """Who acted."""

    ACCOUNT = "account"
    PERSON = "person"
    OPERATOR = "operator"
    SYSTEM = "system"


class AuditEvent(Bucketed, Base):
    """One thing done; the database role of the server may insert and read it, never change or delete it.

    `channel` and `platform` are how it was asked for, where somebody has. `mac` chains it to the event before; `facts`
    hold nothing personal.
    """

    __tablename__ = "audit_event"
    __table_args__ = (bucket_agrees("home_id"), {"info": PERSONAL})

    home_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime]
    action: Mapped[str]
    actor_kind: Mapped[ActorKind]
    actor_id: Mapped[UUID | None]
    on_behalf_of: Mapped[UUID | None]
    request_id: Mapped[str | None]
    channel: Mapped[str | None]
    platform: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    mac: Mapped[bytes] = mapped_column(info=held(Plain("the chain's, which says its suite: it stays as it is")))


class AuditHead(Bucketed, Base):
    """The newest event of a home: locked and advanced, so that a chain never forks."""

    __tablename__ = "audit_head"
    __table_args__ = (bucket_agrees("home_id"), {"info": PERSONAL})

    home_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[bytes] = mapped_column(info=held(Plain("the chain's, which says its suite: it stays as it is")))
    signed_seq: Mapped[int] = mapped_column(BigInteger)


class AuditCut(Bucketed, Base):
    """Up to where a home's chain is gone, because its time was over; the server's role may only read it.

    `mac` is that of the newest event that is gone, which was written at `at`; what is left goes on from there.
    `signature` is over all of this.
    """

    __tablename__ = "audit_cut"
    __table_args__ = (bucket_agrees("home_id"), {"info": PERSONAL})

    home_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[bytes] = mapped_column(info=held(Plain("the chain's, which says its suite: it stays as it is")))
    at: Mapped[datetime]
    cut_at: Mapped[datetime]
    signature: Mapped[bytes] = mapped_column(info=held(Plain("the chain's, which says its suite: it stays as it is")))
