"""Terminals: devices at an office that read presentation codes or cards, each with a key of its own."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Identified, Plain, bucket_agrees, held


class TerminalPurpose(StrEnum):
    """What a terminal is for: codes of each purpose, or cards that are laid on a counter."""

    IDENTIFY = "identify"
    MEDICAL = "medical"
    PAY = "pay"
    COUNTER = "counter"


class Terminal(Identified, Base):
    """A device at an office; the bucket is its name's, and `id` is its home, which holds when it came and went.

    A name is one terminal's for ever. `public_key` (DER) is what its requests are verified with; what it is
    for is each allowed by itself.
    """

    __tablename__ = "terminal"
    __table_args__ = (
        bucket_agrees(),
        ForeignKeyConstraint(["bucket", "id"], ["home.bucket", "home.id"]),
        UniqueConstraint("bucket", "name"),
        {"info": PERSONAL},
    )

    name: Mapped[str]
    office_id: Mapped[str] = mapped_column(ForeignKey("office.id"))
    public_key: Mapped[bytes] = mapped_column(info=held(Plain("public")))
    may_identify: Mapped[bool]
    may_medical: Mapped[bool]
    may_pay: Mapped[bool]
    may_counter: Mapped[bool]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class TerminalRequest(Bucketed, Base):
    """A signed request that was heard: its nonce is never taken again; `digest` is of all that was signed."""

    __tablename__ = "terminal_request"
    __table_args__ = (
        ForeignKeyConstraint(["bucket", "terminal_id"], ["terminal.bucket", "terminal.id"]),
        {"info": PERSONAL},
    )

    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(info=held(Plain("of a request, for a day")))
    heard_at: Mapped[datetime]
