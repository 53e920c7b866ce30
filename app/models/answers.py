"""Answers kept for a repeated request (Idempotency-Key)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PERSONAL, Base, Bucketed, Digest, Plain, held


class KeptAnswer(Bucketed, Base):
    """One key of one caller: running while `status` is empty and the lease lasts, answered after.

    A `body` without a `status` is what stands of an answer of which the rest may be asked for again.

    `scope` is the caller's account id, or before sign-in the phone's digest; `unit_id` names the unit of work towards
    ports when it is done again.
    """

    __tablename__ = "kept_answer"
    __table_args__ = ({"info": PERSONAL},)

    scope: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="expires_at")))
    key_hmac: Mapped[bytes] = mapped_column(primary_key=True, info=held(Digest(gone_by="expires_at")))
    fingerprint: Mapped[bytes] = mapped_column(info=held(Digest(gone_by="expires_at")))
    unit_id: Mapped[UUID]
    lease_until: Mapped[datetime]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    body: Mapped[bytes | None] = mapped_column(
        info=held(Plain("sealed under the system's key, for a day: it stays as it is"))
    )
    expires_at: Mapped[datetime] = mapped_column(index=True)
