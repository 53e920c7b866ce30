"""What terminals did without a connection, heard later: each order number of a terminal is one deed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Plain, bucket_agrees, held


class OfflineDeed(Bucketed, Base):
    """One deed, done or refused for good (`refusal` is a problem's code); `digest` is of all that was signed."""

    __tablename__ = "offline_deed"
    __table_args__ = (
        bucket_agrees("terminal_id"),
        ForeignKeyConstraint(["bucket", "terminal_id"], ["terminal.bucket", "terminal.id"]),
        CheckConstraint("number > 0", name="number"),
        {"info": PERSONAL},
    )

    terminal_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    digest: Mapped[bytes] = mapped_column(info=held(Plain("of a request")))
    kind: Mapped[str]
    operator_id: Mapped[UUID]
    signed_at: Mapped[datetime]
    heard_at: Mapped[datetime]
    refusal: Mapped[str | None]
