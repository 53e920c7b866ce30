"""What the rest of the world is told after a commit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Identified, bucket_agrees


class OutboxEvent(Identified, Base):
    """One thing to tell; `facts` are ids and codes only.

    A worker takes it by setting `taken_until`, tells it, and sets `done_at`; told again when that did not happen. One
    that nobody wanted to hear is `given_up_at` a moment, and done; `again_at` is when it was sent again by hand.
    """

    __tablename__ = "outbox_event"
    __table_args__ = (
        bucket_agrees(),
        Index("ix_outbox_event_due", "due_at", postgresql_where=text("done_at IS NULL")),
        Index(
            "ix_outbox_event_channel",
            text("(facts ->> 'channel')"),
            "created_at",
            postgresql_where=text("kind = 'tell_channel'"),
        ),
        {"info": PERSONAL},
    )

    home_id: Mapped[UUID]
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(SmallInteger)
    taken_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    again_at: Mapped[datetime | None]
