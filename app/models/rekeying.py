"""Re-keying: how far each table has come under the keys that are written now."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REFERENCE, Base


class RekeyJob(StrEnum):
    """What is brought to today's: the wrapping of data keys, the digests' pepper, the suite of what is sealed."""

    WRAPPING = "wrapping"
    PEPPER = "pepper"
    SUITE = "suite"


class RekeyPart(Base):
    """One table's part of a job towards a version or a suite, from its beginning to its end.

    `position` is the key of the last row that was looked at, as JSON. `left` counts rows that could not be changed now.
    Until `taken_until` the one in `taken_by` is at work on it.
    """

    __tablename__ = "rekey_part"
    __table_args__ = ({"info": REFERENCE},)

    job: Mapped[RekeyJob] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[str | None]
    seen: Mapped[int] = mapped_column(BigInteger)
    changed: Mapped[int] = mapped_column(BigInteger)
    left: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    taken_by: Mapped[UUID | None]
    taken_until: Mapped[datetime | None]
