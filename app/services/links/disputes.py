"""The member's objection to a link: while one is open the link is frozen; rows and flags, in both homes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from app.core.db import Session, bucket_of, new_id
from app.models.links import DisputeOutcome, FamilyLink, LinkDispute, LinkDisputeReason, LinkState, MemberSlot
from app.services import cases, policies


async def open_for(session: Session, link: FamilyLink) -> LinkDispute | None:
    """Return a link's open dispute, locked; both homes are."""
    found: LinkDispute | None = await session.scalar(
        select(LinkDispute)
        .where(
            LinkDispute.bucket == bucket_of(link.member_id),
            LinkDispute.link_id == link.id,
            LinkDispute.outcome.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def seen(session: Session, link: FamilyLink) -> LinkDispute | None:
    """Return a link's open dispute without a lock."""
    found: LinkDispute | None = await session.scalar(
        select(LinkDispute).where(
            LinkDispute.bucket == bucket_of(link.member_id),
            LinkDispute.link_id == link.id,
            LinkDispute.outcome.is_(None),
        )
    )
    return found


async def open_new(session: Session, link: FamilyLink, reason: LinkDisputeReason) -> LinkDispute:
    """Freeze an active link for as long as the objection is open; both homes are locked."""
    days = (await policies.current(session)).family_life.dispute_days
    bucket = bucket_of(link.member_id)
    dispute = LinkDispute(
        bucket=bucket,
        id=new_id(bucket),
        member_id=link.member_id,
        owner_id=link.owner_id,
        link_id=link.id,
        reason=reason,
        opened_at=session.now,
        lapses_at=session.now + timedelta(days=days),
        outcome=None,
        closed_at=None,
    )
    session.add(dispute)
    link.state = LinkState.FROZEN
    await _mark(session, link, is_frozen=True)
    return dispute


async def close(session: Session, link: FamilyLink, outcome: DisputeOutcome) -> None:
    """Close a frozen link's dispute, and the case about it; the link is no longer frozen. Both homes are locked."""
    dispute = await open_for(session, link)
    assert dispute is not None
    dispute.outcome, dispute.closed_at = outcome, session.now
    await cases.withdraw(session, link.member_id, dispute.id)
    link.state = LinkState.ACTIVE
    await _mark(session, link, is_frozen=False)


async def kept_from_until(session: Session, owner_id: UUID, member_id: UUID) -> datetime | None:
    """Return until when an owner may not name a member whose objection to their link was not dismissed."""
    days = (await policies.current(session)).family_life.disputed_days
    last: datetime | None = await session.scalar(
        select(func.max(LinkDispute.closed_at)).where(
            LinkDispute.bucket == bucket_of(member_id),
            LinkDispute.member_id == member_id,
            LinkDispute.owner_id == owner_id,
            LinkDispute.outcome != DisputeOutcome.DISMISSED,
        )
    )
    until = None if last is None else last + timedelta(days=days)
    return until if until is not None and until > session.now else None


async def one(session: Session, dispute_id: UUID) -> LinkDispute:
    """Return a dispute that is there, without a lock."""
    return await session.get_one(LinkDispute, (bucket_of(dispute_id), dispute_id), populate_existing=True)


async def due(session: Session, *, most: int) -> Sequence[UUID]:
    """Return open disputes that nobody has decided in time, across all homes."""
    rows = await session.scalars(
        select(LinkDispute.id)
        .where(LinkDispute.outcome.is_(None), LinkDispute.lapses_at <= session.now)
        .order_by(LinkDispute.lapses_at)
        .limit(most)
    )
    return rows.all()


async def _mark(session: Session, link: FamilyLink, *, is_frozen: bool) -> None:
    """Let the member's side say the same as the owner's."""
    await session.execute(
        update(MemberSlot)
        .where(
            MemberSlot.bucket == bucket_of(link.member_id),
            MemberSlot.member_id == link.member_id,
            MemberSlot.owner_id == link.owner_id,
        )
        .values(is_frozen=is_frozen)
        .execution_options(synchronize_session=False)
    )
