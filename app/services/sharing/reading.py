"""What is shared: by an owner with whom, with a member by whom, and in which order a member's sharers pay."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.people import Person
from app.models.sharing import (
    Confirming,
    FundsOrder,
    SharerSlot,
    SharingBinding,
    SharingOrder,
    SharingRequest,
    SharingState,
    SharingWay,
)
from app.services import policies
from app.services.people import homes
from app.services.people.names import mask_name
from app.services.sharing import codes, rows


@dataclass(frozen=True, slots=True)
class Sharer:
    """Somebody whose money a member may spend, up to a cap a month (None: no cap); nothing while it is paused."""

    binding_id: UUID
    owner_id: UUID
    relationship: str
    is_paused: bool
    monthly_cap: Decimal | None
    since: datetime
    position: int | None


@dataclass(frozen=True, slots=True)
class Sharers:
    """A member's sharers in the order in which their money is spent, after the member's own.

    By `highest_balance` the order is for whoever knows the balances; here they stand in the order of their bindings.
    """

    order: FundsOrder
    sharers: Sequence[Sharer]


async def sharers_of(session: Session, member_id: UUID) -> Sharers:
    """Return a member's sharers, paused ones too; where nothing may come between, the homes are locked."""
    rows = await session.scalars(
        select(SharerSlot)
        .where(SharerSlot.bucket == bucket_of(member_id), SharerSlot.member_id == member_id)
        .order_by(SharerSlot.since, SharerSlot.slot_no)
        .execution_options(populate_existing=True)
    )
    found = [
        Sharer(
            slot.binding_id,
            slot.owner_id,
            slot.relationship,
            slot.is_paused,
            slot.monthly_cap,
            slot.since,
            slot.position,
        )
        for slot in rows
    ]
    order = await order_of(session, member_id)
    if order is FundsOrder.CHOSEN:
        found.sort(key=lambda sharer: (sharer.position is None, sharer.position or 0))
    return Sharers(order, found)


async def order_of(session: Session, member_id: UUID) -> FundsOrder:
    """Return the order of funds that holds for a member: theirs, as long as their region's rules know it."""
    rules = (await policies.current(session, await _region(session, member_id))).sharing
    wish = await session.get(SharingOrder, (bucket_of(member_id), member_id), populate_existing=True)
    return wish.funds_order if wish is not None and wish.funds_order in rules.orders else rules.order


@dataclass(frozen=True, slots=True)
class BindingView:
    """A binding as its owner sees it, masked; `code_tries_left` is there while a code is waited for."""

    id: UUID
    member_name: str = field(repr=False)
    member_number: str = field(repr=False)
    relationship: str
    state: SharingState
    way: SharingWay
    confirming: Confirming
    monthly_cap: Decimal | None
    asked_at: datetime
    active_since: datetime | None
    expires_at: datetime | None
    code_until: datetime | None
    code_tries_left: int | None


@dataclass(frozen=True, slots=True)
class SharedView:
    """What is shared with a member, or waits for their answer, as they see it: the owner masked."""

    id: UUID
    owner_name: str = field(repr=False)
    relationship: str
    state: SharingState
    confirming: Confirming | None
    monthly_cap: Decimal | None
    since: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Places:
    """How many places there are on either side, and how many are taken."""

    members: int
    members_most: int
    sharers: int
    sharers_most: int


@dataclass(frozen=True, slots=True)
class SharingView:
    """Both sides: with whom somebody shares, who shares with them, and in which order that is spent."""

    bindings: Sequence[BindingView]
    shared_with_me: Sequence[SharedView]
    order: FundsOrder
    orders: Sequence[FundsOrder]
    places: Places


async def page(session: Session, person_id: UUID) -> SharingView:
    """Return both sides of a person's sharing."""
    region = await _region(session, person_id)
    rules = (await policies.current(session, region)).sharing
    bindings = await _bindings(session, person_id)
    shared = await shared_with(session, person_id)
    return SharingView(
        bindings=bindings,
        shared_with_me=shared,
        order=await order_of(session, person_id),
        orders=rules.orders,
        places=Places(
            members=len(bindings),
            members_most=rules.members_per_owner,
            sharers=sum(each.state is not SharingState.PENDING for each in shared),
            sharers_most=rules.sharers_per_member,
        ),
    )


async def view(session: Session, binding: SharingBinding) -> BindingView:
    """Return one binding as its owner sees it."""
    key = await homes.key_of(session, binding.owner_id)
    waiting = await rows.request_seen(session, binding) if binding.state is SharingState.PENDING else None
    by_code = waiting is not None and waiting.confirming in codes.BY_CODE
    assert binding.member_name is not None
    assert binding.member_number is not None
    return BindingView(
        id=binding.id,
        member_name=mask_name(key.open("sharing_binding.member_name", binding.id, binding.member_name)),
        member_number=key.open("sharing_binding.member_number", binding.id, binding.member_number),  # masked before
        relationship=binding.relationship,
        state=binding.state,
        way=binding.way,
        confirming=binding.confirming,
        monthly_cap=binding.monthly_cap,
        asked_at=binding.asked_at,
        active_since=binding.active_since,
        expires_at=binding.expires_at,
        code_until=waiting.code_until if waiting is not None and by_code else None,
        code_tries_left=waiting.tries_left if waiting is not None and by_code else None,
    )


async def _bindings(session: Session, owner_id: UUID) -> Sequence[BindingView]:
    found = await session.scalars(
        select(SharingBinding)
        .where(
            SharingBinding.bucket == bucket_of(owner_id),
            SharingBinding.owner_id == owner_id,
            SharingBinding.state != SharingState.ENDED,
        )
        .order_by(SharingBinding.asked_at, SharingBinding.id)
        .execution_options(populate_existing=True)
    )
    return [await view(session, binding) for binding in found.all()]


async def shared_with(session: Session, member_id: UUID) -> Sequence[SharedView]:
    """Return who shares with a member, in the order in which their money is spent, and then what waits."""
    key = await homes.key_of(session, member_id)
    bucket = bucket_of(member_id)
    slots = await session.scalars(
        select(SharerSlot).where(SharerSlot.bucket == bucket, SharerSlot.member_id == member_id)
    )
    names = {slot.binding_id: key.open(rows.SLOT_NAME, slot.binding_id, slot.owner_name) for slot in slots}
    found = [
        SharedView(
            id=sharer.binding_id,
            owner_name=mask_name(names[sharer.binding_id]),
            relationship=sharer.relationship,
            state=SharingState.PAUSED if sharer.is_paused else SharingState.ACTIVE,
            confirming=None,
            monthly_cap=sharer.monthly_cap,
            since=sharer.since,
            expires_at=None,
        )
        for sharer in (await sharers_of(session, member_id)).sharers
        if sharer.binding_id in names
    ]
    waiting = await session.scalars(
        select(SharingRequest)
        .where(SharingRequest.bucket == bucket, SharingRequest.member_id == member_id)
        .order_by(SharingRequest.asked_at)
    )
    return found + [
        SharedView(
            id=each.binding_id,
            owner_name=mask_name(key.open(rows.REQUEST_NAME, each.binding_id, each.owner_name)),
            relationship=each.relationship,
            state=SharingState.PENDING,
            confirming=each.confirming,
            monthly_cap=None,
            since=each.asked_at,
            expires_at=each.expires_at,
        )
        for each in waiting
    ]


async def _region(session: Session, person_id: UUID) -> str:
    region = await session.scalar(
        select(Person.region).where(Person.bucket == bucket_of(person_id), Person.id == person_id)
    )
    return region or policies.EVERYWHERE
