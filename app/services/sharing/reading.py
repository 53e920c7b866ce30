"""What is shared: by an owner with whom, with a member by whom, and in which order a member's sharers pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.people import Person
from app.models.sharing import FundsOrder, SharerSlot, SharingOrder
from app.services import policies


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
    bucket = bucket_of(member_id)
    region = await session.scalar(select(Person.region).where(Person.bucket == bucket, Person.id == member_id))
    rules = (await policies.current(session, region or policies.EVERYWHERE)).sharing
    wish = await session.get(SharingOrder, (bucket, member_id), populate_existing=True)
    return wish.funds_order if wish is not None and wish.funds_order in rules.orders else rules.order
