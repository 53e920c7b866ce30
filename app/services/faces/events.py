"""What providers call back, each event heard once."""

from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.models.faces import FaceCheck, HeardEvent
from app.ports.face import FaceEvent

_NAME_LENGTH: Final = 128


async def is_news(session: Session, provider: str, event: FaceEvent) -> bool:
    """Write an event down, and say whether to act on it: it is about a check of this provider, and has led to no end.

    One that was heard while the provider was not finished, or while nothing could be done, is news again. One whose
    name is none that the port allows is never news: whoever sends it has made it up.
    """
    if len(event.event_id) > _NAME_LENGTH or not event.event_id.isprintable():
        return False
    bucket = bucket_of(event.check_id)
    pinned = await session.scalar(
        select(FaceCheck.provider).where(FaceCheck.bucket == bucket, FaceCheck.id == event.check_id)
    )
    if pinned != provider:
        return False
    values = {"bucket": bucket, "provider": provider, "event_id": event.event_id, "check_id": event.check_id}
    await session.execute(insert(HeardEvent).values(**values, heard_at=session.now).on_conflict_do_nothing())
    settled_at = await session.scalar(
        select(HeardEvent.settled_at).where(
            HeardEvent.bucket == bucket, HeardEvent.provider == provider, HeardEvent.event_id == event.event_id
        )
    )
    return settled_at is None


async def is_unsettled(session: Session, check_id: UUID) -> bool:
    """Say whether something was heard of a check that has led to no end."""
    bucket = bucket_of(check_id)
    heard = await session.scalar(
        select(HeardEvent.event_id)
        .where(HeardEvent.bucket == bucket, HeardEvent.check_id == check_id, HeardEvent.settled_at.is_(None))
        .limit(1)
    )
    return heard is not None


async def settled(session: Session, provider: str, event: FaceEvent) -> None:
    """Remember that an event has led to the end of its check."""
    await session.execute(
        update(HeardEvent)
        .where(
            HeardEvent.bucket == bucket_of(event.check_id),
            HeardEvent.provider == provider,
            HeardEvent.event_id == event.event_id,
        )
        .values(settled_at=session.now)
    )
