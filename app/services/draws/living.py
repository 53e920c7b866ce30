"""Asks whether those live still who share and have no e-card that says so: whoever was bound at a counter alone.

The register's news of a death may be lost, and cards alone are asked about besides.
"""

import asyncio
from collections.abc import Collection, Sequence
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.cards import Card
from app.ports.register import Register, RegisterUnavailable
from app.services.cards import following
from app.services.people.homes import HomeErased
from app.services.sharing import reading


async def without_card(session: Session, spender_id: UUID) -> Sequence[UUID]:
    """Return who shares with somebody and has no e-card."""
    sharers = (await reading.sharers_of(session, spender_id)).sharers
    cards = {each.owner_id: await session.get(Card, (bucket_of(each.owner_id), each.owner_id)) for each in sharers}
    return [owner_id for owner_id, card in cards.items() if card is None]


async def dead_of(db: Database, register: Register, person_ids: Collection[UUID], *, seconds: float) -> frozenset[UUID]:
    """Return who of them has died, as the register says now; their sharing ends. No connection is held meanwhile.

    Args:
        seconds: for how long it may be silent, which says nothing of anybody.
    """

    async def lives(person_id: UUID) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await following.refresh(db, register, person_id)
        except (RegisterUnavailable, HomeErased, TimeoutError):
            return True

    found = await asyncio.gather(*map(lives, person_ids))
    return frozenset(person_id for person_id, is_alive in zip(person_ids, found, strict=True) if not is_alive)
