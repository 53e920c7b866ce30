"""Counters that limit how often something may be tried, exact under concurrency."""

from datetime import datetime

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, held


class Throttle(Bucketed, Base):
    """Uses of one action by or against one subject in the running window."""

    __tablename__ = "throttle"
    __table_args__ = ({"info": PERSONAL},)

    subject: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="resets_at", told_apart=False)))
    action: Mapped[str] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(Integer)
    resets_at: Mapped[datetime]
