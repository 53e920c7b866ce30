"""What owner and member change of a binding that lasts: caps, pauses, the order of funds, and its end."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.models.sharing import (
    FundsOrder,
    SharerSlot,
    SharingBinding,
    SharingEnd,
    SharingOrder,
    SharingState,
    SharingStepNotAllowed,
)
from app.services import audit, authority, outbox, policies
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.people import homes
from app.services.sharing import ending, rows, telling


class SharingOrderNotAllowed(Conflict):
    """The rules of the member's region know no such order of funds."""

    code = "sharing-order-not-allowed"


async def of_owner(session: Session, caller: Caller, binding_id: UUID) -> SharingBinding:
    """Return a binding of the caller's own, without a lock.

    Raises:
        NotFound: it is not the caller's, or has ended.
    """
    owner_id = await authority.person_still(session, caller)
    seen = await rows.seen(session, binding_id)
    if seen is None or seen.owner_id != owner_id or seen.state is SharingState.ENDED:
        raise NotFound
    return seen


async def narrow(session: Session, caller: Caller, binding_id: UUID, monthly: Decimal | None) -> bool:
    """Do as `cap` where the member may spend no more by it than now; say whether that was so.

    Raises:
        NotFound: it is not the caller's, or has ended.
    """
    binding = await _locked(session, caller, binding_id)
    is_wider = binding.monthly_cap is not None and (monthly is None or monthly > binding.monthly_cap)
    if not is_wider:
        await _set_cap(session, caller, binding, monthly)
    return not is_wider


async def cap(session: Session, caller: Caller, binding_id: UUID, monthly: Decimal | None) -> None:
    """Say how much a member may spend of the caller's money in a month (None: no cap); the same changes nothing.

    Raises:
        NotFound: it is not the caller's, or has ended.
    """
    await _set_cap(session, caller, await _locked(session, caller, binding_id), monthly)


async def pause(session: Session, caller: Caller, binding_id: UUID) -> SharingBinding:
    """Let nothing be spent of the caller's money until they resume; paused already is as good.

    Raises:
        NotFound: it is not the caller's, or has ended.
        SharingStepNotAllowed: nobody has agreed to it yet.
    """
    binding = await _locked(session, caller, binding_id)
    if binding.state is not SharingState.PAUSED:
        binding.advance(SharingState.PAUSED)
        await _changed(session, caller, binding, what="paused")
    return binding


async def resume(session: Session, caller: Caller, binding_id: UUID) -> SharingBinding:
    """Let the caller's money be spent again; never paused is as good.

    Raises:
        NotFound: it is not the caller's, or has ended.
        SharingStepNotAllowed: nobody has agreed to it yet.
    """
    binding = await _locked(session, caller, binding_id)
    if binding.state is SharingState.PENDING:
        raise SharingStepNotAllowed  # to agree to it is not the owner's
    if binding.state is SharingState.PAUSED:
        binding.advance(SharingState.ACTIVE)
        await _changed(session, caller, binding, what="resumed")
    return binding


async def end(session: Session, caller: Caller, binding_id: UUID) -> None:
    """End a binding, as owner or as member, at once; ended already is as good. A member's early end is a no.

    Raises:
        NotFound: it is not the caller's.
    """
    person_id = await authority.person_still(session, caller)
    seen = await rows.seen(session, binding_id)
    if seen is None or person_id not in (seen.owner_id, seen.member_id):
        raise NotFound
    binding = await rows.locked(session, binding_id)
    because = SharingEnd.BY_OWNER
    if person_id == binding.member_id:
        because = SharingEnd.DECLINED if binding.state is SharingState.PENDING else SharingEnd.BY_MEMBER
    await ending.end(session, binding_id, because, caller.actor)


async def choose_order(session: Session, caller: Caller, order: FundsOrder, chosen: Sequence[UUID]) -> None:
    """Say in which order sharers' money is spent for the caller; who is not `chosen` comes after those who are.

    Raises:
        NotFound: nobody has shown by this account who they are.
        SharingOrderNotAllowed: the rules know no such order.
        Invalid: one of those chosen shares nothing with the caller, or stands there twice.
    """
    member_id = await authority.person_still(session, caller)
    await homes.lock(session, {member_id})
    member = await homes.person(session, member_id)
    if order not in (await policies.current(session, member.region)).sharing.orders:
        raise SharingOrderNotAllowed
    slots = {slot.binding_id: slot for slot in await _slots(session, member_id)}
    for place, binding_id in enumerate(chosen):
        if binding_id not in slots or binding_id in chosen[:place]:
            raise Invalid(errors=[FieldError(f"/binding_ids/{place}", "choice")])
    if not await _note_order(session, member_id, order, chosen, slots.values()):
        return
    await audit.record(
        session, Action.SHARING_ORDERED, home_id=member_id, actor=caller.actor, facts={"order": order.value}
    )
    for slot in slots.values():
        outbox.tell(
            session,
            outbox.Kind.TELL_PERSON,
            slot.owner_id,
            message="sharing_ordered_owner",
            owner_id=str(slot.owner_id),
            member_id=str(member_id),
        )


async def _locked(session: Session, caller: Caller, binding_id: UUID) -> SharingBinding:
    await of_owner(session, caller, binding_id)
    binding = await rows.locked(session, binding_id)
    if binding.state is SharingState.ENDED:
        raise NotFound
    return binding


async def _set_cap(session: Session, caller: Caller, binding: SharingBinding, monthly: Decimal | None) -> None:
    if binding.monthly_cap != monthly:
        binding.monthly_cap = monthly
        await _changed(session, caller, binding, what="cap")


async def _changed(session: Session, caller: Caller, binding: SharingBinding, *, what: str) -> None:
    """Let both sides say the same, write it down with them, and tell them."""
    await session.flush()
    await rows.mark_slot(session, binding)
    await telling.record(session, Action.SHARING_CHANGED, binding, caller.actor, what=what)
    telling.tell(session, binding, "sharing_changed")


async def _slots(session: Session, member_id: UUID) -> Sequence[SharerSlot]:
    found = await session.scalars(
        select(SharerSlot)
        .where(SharerSlot.bucket == bucket_of(member_id), SharerSlot.member_id == member_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def _note_order(
    session: Session, member_id: UUID, order: FundsOrder, chosen: Sequence[UUID], slots: Collection[SharerSlot]
) -> bool:
    """Write the order down; say whether it is another than before."""
    positions: dict[UUID, int | None] = {binding_id: place for place, binding_id in enumerate(chosen, 1)}
    key = (bucket_of(member_id), member_id)
    wish = await session.get(SharingOrder, key, with_for_update=True, populate_existing=True)
    if wish is None:
        wish = SharingOrder(bucket=key[0], member_id=member_id, funds_order=order, set_at=session.now)
        session.add(wish)
    elif wish.funds_order is order and all(slot.position == positions.get(slot.binding_id) for slot in slots):
        return False
    wish.funds_order, wish.set_at = order, session.now
    for slot in slots:
        slot.position = positions.get(slot.binding_id)
    return True
