"""Rows of bindings: an owner's places, a member's slots, and the requests that wait for an answer."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, NextStep
from app.models.sharing import SharerSlot, SharingBinding, SharingEnd, SharingRequest, SharingState
from app.services.people import homes
from app.services.rules.sharing import Sharing

SLOT_NAME = "sharer_slot.owner_name"
REQUEST_NAME = "sharing_request.owner_name"


class MembersAtLimit(Conflict):
    """The owner shares with as many relatives as the rules allow."""

    code = "sharing-members-at-limit"
    leads_to = NextStep("see-sharing", "/v1/sharing/bindings")


class SharersAtLimit(Conflict):
    """As many share with this relative as the rules allow; one of them has to end first."""

    code = "sharers-at-limit"


async def seen(session: Session, binding_id: UUID) -> SharingBinding | None:
    """Return a binding without a lock, if there is one."""
    found: SharingBinding | None = await session.get(
        SharingBinding, (bucket_of(binding_id), binding_id), populate_existing=True
    )
    return found


async def locked(session: Session, binding_id: UUID) -> SharingBinding:
    """Return a binding that is there, locked, after both homes: in that order everybody locks."""
    key = (bucket_of(binding_id), binding_id)
    found = await session.get_one(SharingBinding, key)
    await homes.lock_rows(session, {found.owner_id, found.member_id})
    return await session.get_one(SharingBinding, key, with_for_update=True, populate_existing=True)


def is_over(session: Session, binding: SharingBinding) -> bool:
    """Say whether nobody has agreed to a binding in time, even if its end is not written down yet."""
    is_waiting = binding.state is SharingState.PENDING and binding.expires_at is not None
    return is_waiting and (binding.expires_at or session.now) <= session.now


async def living(session: Session, owner_id: UUID, member_id: UUID) -> SharingBinding | None:
    """Return the binding of two people that has not ended; both homes are locked."""
    found: SharingBinding | None = await session.scalar(
        select(SharingBinding)
        .where(
            SharingBinding.bucket == bucket_of(owner_id),
            SharingBinding.owner_id == owner_id,
            SharingBinding.member_id == member_id,
            SharingBinding.state != SharingState.ENDED,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def last_no(session: Session, owner_id: UUID, member_id: UUID) -> datetime | None:
    """Return when a relative has last said no to an owner."""
    last: datetime | None = await session.scalar(
        select(func.max(SharingBinding.ended_at)).where(
            SharingBinding.bucket == bucket_of(owner_id),
            SharingBinding.owner_id == owner_id,
            SharingBinding.member_id == member_id,
            SharingBinding.ended_because == SharingEnd.DECLINED,
        )
    )
    return last


async def free_place(session: Session, owner_id: UUID, most: int) -> int:
    """Return the lowest free place of an owner, whose home is locked.

    Raises:
        MembersAtLimit: there is none.
    """
    rows = await session.scalars(
        select(SharingBinding.place_no).where(
            SharingBinding.bucket == bucket_of(owner_id),
            SharingBinding.owner_id == owner_id,
            SharingBinding.state != SharingState.ENDED,
        )
    )
    taken = set(rows)
    for place_no in range(1, most + 1):
        if place_no not in taken:
            return place_no
    raise MembersAtLimit


async def take_slot(session: Session, binding: SharingBinding, most: int) -> None:
    """Take one of the member's slots, 1 to the cap of today; a lowered cap ends nothing, it only lets nobody in.

    Raises:
        SharersAtLimit: none is free.
    """
    owner = await homes.person(session, binding.owner_id)
    key = await homes.key_of(session, binding.member_id)
    for slot_no in range(1, most + 1):
        taken = await session.scalar(
            insert(SharerSlot)
            .values(
                bucket=bucket_of(binding.member_id),
                member_id=binding.member_id,
                slot_no=slot_no,
                owner_id=binding.owner_id,
                binding_id=binding.id,
                relationship=binding.relationship,
                owner_name=key.seal(SLOT_NAME, binding.id, owner.name),
                is_paused=False,
                monthly_cap=binding.monthly_cap,
                position=None,
                since=session.now,
            )
            .on_conflict_do_nothing(index_elements=[SharerSlot.bucket, SharerSlot.member_id, SharerSlot.slot_no])
            .returning(SharerSlot.slot_no)
        )
        if taken is not None:
            return
    raise SharersAtLimit


async def mark_slot(session: Session, binding: SharingBinding) -> None:
    """Let the member's side say the same as the owner's."""
    await session.execute(
        update(SharerSlot)
        .where(
            SharerSlot.bucket == bucket_of(binding.member_id),
            SharerSlot.member_id == binding.member_id,
            SharerSlot.owner_id == binding.owner_id,
        )
        .values(is_paused=binding.state is SharingState.PAUSED, monthly_cap=binding.monthly_cap)
        .execution_options(synchronize_session=False)
    )


async def free_slot(session: Session, binding: SharingBinding) -> None:
    """Give the member's slot back, and the request that waits, if one does."""
    bucket = bucket_of(binding.member_id)
    for statement in (
        delete(SharerSlot).where(
            SharerSlot.bucket == bucket,
            SharerSlot.member_id == binding.member_id,
            SharerSlot.owner_id == binding.owner_id,
        ),
        delete(SharingRequest).where(
            SharingRequest.bucket == bucket,
            SharingRequest.member_id == binding.member_id,
            SharingRequest.binding_id == binding.id,
        ),
    ):
        await session.execute(statement.execution_options(synchronize_session=False))


async def request(session: Session, binding: SharingBinding) -> SharingRequest | None:
    """Return what waits for the member's answer, locked."""
    found: SharingRequest | None = await session.get(
        SharingRequest,
        (bucket_of(binding.member_id), binding.member_id, binding.id),
        with_for_update=True,
        populate_existing=True,
    )
    return found


async def request_seen(session: Session, binding: SharingBinding) -> SharingRequest | None:
    """Return what waits for the member's answer, without a lock."""
    found: SharingRequest | None = await session.get(
        SharingRequest, (bucket_of(binding.member_id), binding.member_id, binding.id), populate_existing=True
    )
    return found


async def add_request(session: Session, binding: SharingBinding, rules: Sharing, language: str) -> SharingRequest:
    """Let a binding wait for its answer."""
    owner = await homes.person(session, binding.owner_id)
    key = await homes.key_of(session, binding.member_id)
    assert binding.expires_at is not None
    made = SharingRequest(
        bucket=bucket_of(binding.member_id),
        member_id=binding.member_id,
        binding_id=binding.id,
        owner_id=binding.owner_id,
        relationship=binding.relationship,
        owner_name=key.seal(REQUEST_NAME, binding.id, owner.name),
        confirming=binding.confirming,
        seed=os.urandom(16),
        language=language,
        tries_left=rules.code_tries,
        asked_at=session.now,
        sent_at=session.now,
        code_until=session.now + timedelta(minutes=rules.code_minutes),
        expires_at=binding.expires_at,
    )
    session.add(made)
    await session.flush()
    return made


async def due(session: Session, *, most: int) -> Sequence[UUID]:
    """Return bindings that nobody has agreed to in time, across all homes."""
    rows = await session.scalars(
        select(SharingBinding.id)
        .where(SharingBinding.state == SharingState.PENDING, SharingBinding.expires_at <= session.now)
        .order_by(SharingBinding.expires_at)
        .limit(most)
    )
    return rows.all()
