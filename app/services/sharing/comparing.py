"""Compares the two sides of sharing: each is a row in a home of its own, and homes may lie on different servers."""

from collections.abc import Collection
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.db import Database, Session, bucket_of
from app.models.sharing import LIVING, SharerSlot, SharingBinding, SharingState
from app.services.people import homes

_FIRST: Final = (-1,)
_LIVES: Final = sorted(LIVING)


class _Side(NamedTuple):
    """What either side says of sharing that lives; both say the same."""

    binding_id: UUID
    owner_id: UUID
    member_id: UUID
    is_paused: bool
    monthly_cap: Decimal | None


async def torn(db: Database, *, at_once: int = 500) -> list[UUID]:
    """Return the living bindings whose sides do not agree, or of which one is missing.

    `at_once` rows at a time, and each that looks torn once more with both homes locked: what is written meanwhile is
    no fault.
    """
    found: set[UUID] = set()
    for look in (_look_at_bindings, _look_at_slots):
        after: tuple[Any, ...] | None = _FIRST
        while after is not None:
            suspects, after = await db.run(partial(look, after, at_once))
            found.update([side.binding_id for side in suspects if await db.run(partial(_is_torn, side))])
    return sorted(found)


async def _look_at_bindings(
    after: tuple[Any, ...], at_once: int, session: Session
) -> tuple[set[_Side], tuple[Any, ...] | None]:
    """Return what the next owners' rows say and the members' do not, and the place to go on from."""
    key = (SharingBinding.bucket, SharingBinding.id)
    rows = await session.scalars(
        select(SharingBinding)
        .where(tuple_(*key[: len(after)]) > after, SharingBinding.state.in_(_LIVES))
        .order_by(*key)
        .limit(at_once)
    )
    bindings = rows.all()
    sides = set(map(_of_owner, bindings))
    last = (bindings[-1].bucket, bindings[-1].id) if bindings else None
    return sides - await _members_say(session, sides), last


async def _look_at_slots(
    after: tuple[Any, ...], at_once: int, session: Session
) -> tuple[set[_Side], tuple[Any, ...] | None]:
    """Return what the next members' rows say and the owners' do not, and the place to go on from."""
    key = (SharerSlot.bucket, SharerSlot.member_id, SharerSlot.slot_no)
    rows = await session.scalars(
        select(SharerSlot).where(tuple_(*key[: len(after)]) > after).order_by(*key).limit(at_once)
    )
    slots = rows.all()
    sides = set(map(_of_member, slots))
    last = (slots[-1].bucket, slots[-1].member_id, slots[-1].slot_no) if slots else None
    return sides - await _owners_say(session, sides), last


async def _is_torn(side: _Side, session: Session) -> bool:
    await homes.lock_rows(session, {side.owner_id, side.member_id})
    return await _owners_say(session, {side}) != await _members_say(session, {side})


async def _owners_say(session: Session, sides: Collection[_Side]) -> set[_Side]:
    bindings = await session.scalars(
        select(SharingBinding).where(
            SharingBinding.bucket.in_({bucket_of(side.owner_id) for side in sides}),
            SharingBinding.id.in_({side.binding_id for side in sides}),
            SharingBinding.state.in_(_LIVES),
        )
    )
    return set(map(_of_owner, bindings))


async def _members_say(session: Session, sides: Collection[_Side]) -> set[_Side]:
    slots = await session.scalars(
        select(SharerSlot).where(
            SharerSlot.bucket.in_({bucket_of(side.member_id) for side in sides}),
            SharerSlot.binding_id.in_({side.binding_id for side in sides}),
        )
    )
    return set(map(_of_member, slots))


def _of_owner(binding: SharingBinding) -> _Side:
    is_paused = binding.state is SharingState.PAUSED
    return _Side(binding.id, binding.owner_id, binding.member_id, is_paused, binding.monthly_cap)


def _of_member(slot: SharerSlot) -> _Side:
    return _Side(slot.binding_id, slot.owner_id, slot.member_id, slot.is_paused, slot.monthly_cap)
