"""Compares the two sides of links: each is a row in a home of its own, and homes may lie on different servers."""

from collections.abc import Collection
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.db import Database, Session, bucket_of
from app.models.links import FamilyLink, LinkState, MemberSlot
from app.services.people import homes

_LIVING: Final = (LinkState.ACTIVE, LinkState.FROZEN)
_FIRST: Final = (-1,)


class _Side(NamedTuple):
    """What either side says of a link that lives; both say the same."""

    link_id: UUID
    owner_id: UUID
    member_id: UUID
    is_frozen: bool


async def torn(db: Database, *, at_once: int = 500) -> list[UUID]:
    """Return the living links whose sides do not agree, or of which one is missing.

    `at_once` rows at a time, and each that looks torn once more with both homes locked: what is written meanwhile is
    no fault.
    """
    found: set[UUID] = set()
    for look in (_look_at_links, _look_at_slots):
        after: tuple[Any, ...] | None = _FIRST
        while after is not None:
            suspects, after = await db.run(partial(look, after, at_once))
            for side in suspects:
                if await db.run(partial(_is_torn, side)):
                    found.add(side.link_id)
    return sorted(found)


async def _look_at_links(
    after: tuple[Any, ...], at_once: int, session: Session
) -> tuple[set[_Side], tuple[Any, ...] | None]:
    """Return what the next owners' rows say and the members' do not, and the place to go on from."""
    key = (FamilyLink.bucket, FamilyLink.id)
    rows = await session.scalars(
        select(FamilyLink)
        .where(tuple_(*key[: len(after)]) > after, FamilyLink.state.in_(_LIVING))
        .order_by(*key)
        .limit(at_once)
    )
    links = rows.all()
    sides = {_of_owner(link) for link in links}
    return sides - await _members_say(session, sides), (links[-1].bucket, links[-1].id) if links else None


async def _look_at_slots(
    after: tuple[Any, ...], at_once: int, session: Session
) -> tuple[set[_Side], tuple[Any, ...] | None]:
    """Return what the next members' rows say and the owners' do not, and the place to go on from."""
    key = (MemberSlot.bucket, MemberSlot.member_id, MemberSlot.slot_no)
    rows = await session.scalars(
        select(MemberSlot).where(tuple_(*key[: len(after)]) > after).order_by(*key).limit(at_once)
    )
    slots = rows.all()
    sides = {_of_member(slot) for slot in slots}
    last = (slots[-1].bucket, slots[-1].member_id, slots[-1].slot_no) if slots else None
    return sides - await _owners_say(session, sides), last


async def _is_torn(side: _Side, session: Session) -> bool:
    await homes.lock(session, {side.owner_id, side.member_id})
    return await _owners_say(session, {side}) != await _members_say(session, {side})


async def _owners_say(session: Session, sides: Collection[_Side]) -> set[_Side]:
    links = await session.scalars(
        select(FamilyLink).where(
            FamilyLink.bucket.in_({bucket_of(side.owner_id) for side in sides}),
            FamilyLink.id.in_({side.link_id for side in sides}),
            FamilyLink.state.in_(_LIVING),
        )
    )
    return set(map(_of_owner, links))


async def _members_say(session: Session, sides: Collection[_Side]) -> set[_Side]:
    slots = await session.scalars(
        select(MemberSlot).where(
            MemberSlot.bucket.in_({bucket_of(side.member_id) for side in sides}),
            MemberSlot.link_id.in_({side.link_id for side in sides}),
        )
    )
    return set(map(_of_member, slots))


def _of_owner(link: FamilyLink) -> _Side:
    return _Side(link.id, link.owner_id, link.member_id, link.state is LinkState.FROZEN)


def _of_member(slot: MemberSlot) -> _Side:
    return _Side(slot.link_id, slot.owner_id, slot.member_id, slot.is_frozen)
