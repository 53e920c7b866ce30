"""What the filings share: transfers and card orders."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Identified


class FilingEnd(StrEnum):
    """Why a filing did not leave: what had become of the link of its owner, of the card, or of the holder."""

    LINK_ENDED = "link_ended"
    LINK_FROZEN = "link_frozen"
    SERVICE_NOT_SHARED = "service_not_shared"
    CARD_NOT_IN_ORDER = "card_not_in_order"
    HOLDER_DIED = "holder_died"


class Filing(Identified):
    """What is filed in the home of the person whose business it is, and goes to another authority.

    `filed_by` is who has drafted it, and then who has submitted it, by `link_id` where they act for somebody else.
    `left_at` is the moment from which the other side may know of it: from then on it goes on whatever becomes of the
    link. `due_at` is when the other side is asked next, `failures` how often in a row that came to nothing, `heard_at`
    when it was last understood.
    """

    __tablename__: str

    person_id: Mapped[UUID]
    filed_by: Mapped[UUID]
    link_id: Mapped[UUID | None]
    not_submitted_because: Mapped[FilingEnd | None]
    created_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(SmallInteger)
    steps: Mapped[int] = mapped_column(SmallInteger)
