"""The member's side of links: numbered slots for owners, and the enrolments that wait for one."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.models.links import FamilyLink, MemberSlot, SlotWait
from app.services import policies
from app.services.people import homes


async def take(session: Session, link: FamilyLink) -> bool:
    """Take one of the member's slots for a link, or a place in the queue; say whether it was a slot.

    Slots 1 to the cap of today are tried; a lowered cap ends nothing, it only lets nobody in.
    """
    cap = (await policies.current(session)).owners.per_member
    owner = await homes.person(session, link.owner_id)
    key = await homes.key_of(session, link.member_id)
    for slot_no in range(1, cap + 1):
        taken = await session.scalar(
            insert(MemberSlot)
            .values(
                bucket=bucket_of(link.member_id),
                member_id=link.member_id,
                slot_no=slot_no,
                owner_id=link.owner_id,
                link_id=link.id,
                relationship=link.relationship,
                owner_name=key.seal("member_slot.owner_name", link.id, owner.name),
                since=session.now,
                is_frozen=False,
            )
            .on_conflict_do_nothing(index_elements=[MemberSlot.bucket, MemberSlot.member_id, MemberSlot.slot_no])
            .returning(MemberSlot.slot_no)
        )
        if taken is not None:
            await leave_queue(session, link)
            return True
    await _join_queue(session, link)
    return False


async def free(session: Session, link: FamilyLink) -> None:
    """Give a link's slot back."""
    await session.execute(
        delete(MemberSlot).where(
            MemberSlot.bucket == bucket_of(link.member_id),
            MemberSlot.member_id == link.member_id,
            MemberSlot.owner_id == link.owner_id,
        )
    )


async def leave_queue(session: Session, link: FamilyLink) -> None:
    """Let a link no longer wait for a slot."""
    await session.execute(
        delete(SlotWait).where(
            SlotWait.bucket == bucket_of(link.member_id),
            SlotWait.member_id == link.member_id,
            SlotWait.enrolment_id == link.enrolment_id,
        )
    )


async def waiting(session: Session, member_id: UUID) -> Sequence[UUID]:
    """Return the enrolments that wait for one of the member's slots, the longest waiting first."""
    rows = await session.scalars(
        select(SlotWait.enrolment_id)
        .where(SlotWait.bucket == bucket_of(member_id), SlotWait.member_id == member_id)
        .order_by(SlotWait.since)
    )
    return rows.all()


async def _join_queue(session: Session, link: FamilyLink) -> None:
    await session.execute(
        insert(SlotWait)
        .values(
            bucket=bucket_of(link.member_id),
            member_id=link.member_id,
            enrolment_id=link.enrolment_id,
            since=session.now,
        )
        .on_conflict_do_nothing()
    )
