"""Channels that hear by signed events what becomes of the cards that are used in them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REFERENCE, Base


class CardEvent(StrEnum):
    """What a channel can hear of a card that is used there; by the card's issue number in that channel alone."""

    ISSUED = "card.issued"
    CHANGED = "card.changed"
    LEFT = "card.left"


class Channel(Base):
    """A channel that hears; its name is the one of sessions and issue numbers.

    `secrets` are sealed, for `id`: the newest signs, and the one before it too until it is dropped. `events` are
    separated by spaces.
    """

    __tablename__ = "channel"
    __table_args__ = ({"info": REFERENCE},)

    name: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID]
    url: Mapped[str]
    secrets: Mapped[bytes]
    events: Mapped[str]
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
