"""Asks whether those live still who share, where no e-card of theirs was asked about a moment ago.

The register's news of a death may be lost, and cards are asked about once a day.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.cards import Card
from app.ports.register import Register, RegisterUnavailable
from app.services.cards import following
from app.services.people.homes import HomeErased
from app.services.sharing import reading


async def not_asked_about(session: Session, spender_id: UUID, since: datetime) -> Sequence[UUID]:
    """Return who shares with somebody and was not asked about since then; paused ones give nothing."""
    sharers = [each for each in (await reading.sharers_of(session, spender_id)).sharers if not each.is_paused]
    cards = {each.owner_id: await session.get(Card, (bucket_of(each.owner_id), each.owner_id)) for each in sharers}
    return [owner_id for owner_id, card in cards.items() if not is_fresh(card, since)]


def is_fresh(card: Card | None, since: datetime) -> bool:
    """Say whether the register was asked about a card since then."""
    return card is not None and card.asked_at is not None and card.asked_at > since


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
