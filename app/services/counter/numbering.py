"""Order numbers of deeds without a connection: each is one deed, and the times of a terminal go on with its numbers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import Conflict
from app.models.offline import OfflineDeed
from app.models.terminals import Terminal
from app.services.terminals.requests import Calling


class DeedOutOfOrder(Conflict):
    """The terminal has done another deed of a later number before it, or of an earlier number after it."""

    code = "deed-out-of-order"


class Heard(Exception):
    """The order number was taken before; `code` is the refusal, if it was one."""

    def __init__(self, code: str | None, *, is_same: bool) -> None:
        super().__init__(code)
        self.code, self.is_same = code, is_same


async def take(
    session: Session, terminal: Calling, at: datetime, number: int, *, kind: str, by: UUID, refusal: str | None
) -> bool:
    """Take a deed's order number, and say what became of it; return whether it was free."""
    taken = await session.scalar(
        insert(OfflineDeed)
        .values(
            bucket=bucket_of(terminal.id),
            terminal_id=terminal.id,
            number=number,
            digest=terminal.digest,
            kind=kind,
            operator_id=by,
            signed_at=at,
            heard_at=session.now,
            refusal=refusal,
        )
        .on_conflict_do_nothing()
        .returning(OfflineDeed.number)
    )
    return taken is not None


async def require_new(session: Session, terminal: Calling, number: int) -> None:
    """Check that an order number is new.

    Raises:
        Heard: it is not.
    """
    key = (bucket_of(terminal.id), terminal.id, number)
    known = await session.get(OfflineDeed, key, populate_existing=True)
    if known is not None:
        raise Heard(known.refusal, is_same=known.digest == terminal.digest)


async def require_in_order(session: Session, terminal: Calling, at: datetime, number: int) -> None:
    """Check that a deed was done no earlier than those of lower numbers, and no later than those of higher ones.

    A deed that is signed anew with an earlier time is seen by that. What was refused does not count. The terminal is
    locked until the transaction ends: of two deeds at once each sees the other.

    Raises:
        DeedOutOfOrder: it was not.
    """
    bucket = bucket_of(terminal.id)
    await session.get_one(Terminal, (bucket, terminal.id), with_for_update=True, populate_existing=True)
    others = await session.scalar(
        select(func.count()).where(
            OfflineDeed.bucket == bucket,
            OfflineDeed.terminal_id == terminal.id,
            OfflineDeed.refusal.is_(None),
            or_(
                and_(OfflineDeed.number < number, OfflineDeed.signed_at > at),
                and_(OfflineDeed.number > number, OfflineDeed.signed_at < at),
            ),
        )
    )
    if others:
        raise DeedOutOfOrder
