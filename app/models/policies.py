"""Rules as data: by code, region and date."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REFERENCE, Base


class Policy(Base):
    """The value of one rule in one region from a day on; region `000000` is everywhere."""

    __tablename__ = "policy"
    __table_args__ = ({"info": REFERENCE},)

    code: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    value: Mapped[dict[str, Any]]


class PolicyChange(Base):
    """One setting of a rule: by whom at the machine, when, and what stood in that row before.

    The server's role may only read it.
    """

    __tablename__ = "policy_change"
    __table_args__ = ({"info": REFERENCE},)

    at: Mapped[datetime] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    value: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any] | None]
    set_by: Mapped[str]
