"""Remembers, in the same transaction, what must be told to the rest of the world afterwards."""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from app.core.db import Session, bucket_of, new_id
from app.models.outbox import OutboxEvent


class Kind(StrEnum):
    """What can be told."""

    TELL_PERSON = "tell_person"
    SLOT_FREED = "slot_freed"
    FACE_GIVEN_UP = "face_given_up"


def tell(session: Session, kind: Kind, home_id: UUID, *, after: timedelta = timedelta(), **facts: str) -> None:
    """Add an event to a home's outbox: ids and codes, nothing personal.

    Args:
        after: how long to wait before it is told.
    """
    session.add(
        OutboxEvent(
            bucket=bucket_of(home_id),
            id=new_id(bucket_of(home_id)),
            home_id=home_id,
            kind=kind.value,
            facts=dict(facts),
            created_at=session.now,
            due_at=session.now + after,
            attempts=0,
        )
    )
