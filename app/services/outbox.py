"""Remembers, in the same transaction, what must be told to the rest of the world afterwards; and sees it told.

An event is taken by compare-and-set for a minute (`take`), told, and then `done`; or it is put off, each time for
longer. One whose teller died is taken by the next when the minute is over: so it is told at least once, and tellers
are idempotent by the event's id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, func, or_, select, update

from app.core.db import Session, Writer, bucket_of, new_id
from app.models.outbox import OutboxEvent

LEASE: Final = timedelta(seconds=60)
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_MOST_ATTEMPTS = 30_000  # what the column holds; that is years of hourly attempts


class Kind(StrEnum):
    """What can be told."""

    TELL_PERSON = "tell_person"
    SLOT_FREED = "slot_freed"
    FACE_GIVEN_UP = "face_given_up"
    READ_DOCUMENT = "read_document"
    PRESORT_CASE = "presort_case"
    SEND_LINK_ENDING_CODE = "send_link_ending_code"
    SEND_SHARING_CODE = "send_sharing_code"
    HOME_ERASED = "home_erased"
    TELL_CHANNEL = "tell_channel"
    PERSON_CHANGED = "person_changed"
    SUBMIT_CARD_ORDER = "submit_card_order"
    CARD_COLLECTED = "card_collected"
    SUBMIT_TRANSFER = "submit_transfer"
    WITHDRAW_TRANSFER = "withdraw_transfer"
    REPORT_CERTIFICATION = "report_certification"
    SETTLE_DRAW = "settle_draw"
    GIVE_DRAW_BACK = "give_draw_back"


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that is ours to tell for a minute; `attempts` counts this one, `since` is when the first was due."""

    id: UUID
    home_id: UUID
    kind: str
    facts: Mapping[str, str]
    attempts: int
    created_at: datetime
    since: datetime


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


_TELL: Final = """
INSERT INTO outbox_event (bucket, id, home_id, kind, facts, created_at, due_at, attempts)
VALUES ($1, $2, $3, $4, $5, $6, $6, 0)
"""


async def write(writer: Writer, kind: Kind, home_id: UUID, **facts: str) -> None:
    """Add an event to a home's outbox as `tell` does, in a unit of work by hand."""
    bucket = bucket_of(home_id)
    said = orjson.dumps(facts).decode()
    await writer.rows(_TELL, bucket, new_id(bucket), home_id, kind.value, said, writer.now)


async def due(session: Session, *, most: int = 20) -> Sequence[UUID]:
    """Return events that nobody is telling, the longest due first: across all homes, and only a hint."""
    rows = await session.scalars(
        select(OutboxEvent.id).where(*_is_free(session)).order_by(OutboxEvent.due_at).limit(most)
    )
    return rows.all()


async def take(session: Session, event_id: UUID) -> Taken | None:
    """Take an event for a minute, unless somebody was faster."""
    row = (
        await session.execute(
            update(OutboxEvent)
            .where(*_row(event_id), *_is_free(session))
            .values(taken_until=session.now + LEASE, attempts=func.least(OutboxEvent.attempts + 1, _MOST_ATTEMPTS))
            .returning(
                OutboxEvent.home_id,
                OutboxEvent.kind,
                OutboxEvent.facts,
                OutboxEvent.attempts,
                OutboxEvent.created_at,
                func.coalesce(OutboxEvent.again_at, OutboxEvent.created_at).label("since"),
            )
        )
    ).one_or_none()
    return None if row is None else Taken(event_id, *row)


async def done(session: Session, event_id: UUID) -> None:
    """Remember that an event has been told."""
    await session.execute(update(OutboxEvent).where(*_row(event_id)).values(done_at=session.now))


async def give_up(session: Session, event_id: UUID) -> None:
    """Remember that nobody wanted to hear an event; whoever has tried it says that it is done."""
    await session.execute(update(OutboxEvent).where(*_row(event_id)).values(given_up_at=session.now))


async def put_off(session: Session, event: Taken) -> None:
    """Free an event that could not be told: 5 seconds, 10, 20 and so on up to an hour, without an end."""
    pause = min(_FIRST_PAUSE * 2 ** min(event.attempts - 1, 20), _LONGEST_PAUSE)
    await session.execute(
        update(OutboxEvent).where(*_row(event.id)).values(due_at=session.now + pause, taken_until=None)
    )


def _row(event_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return OutboxEvent.bucket == bucket_of(event_id), OutboxEvent.id == event_id


def _is_free(session: Session) -> tuple[ColumnElement[bool], ...]:
    return (
        OutboxEvent.done_at.is_(None),
        OutboxEvent.due_at <= session.now,
        or_(OutboxEvent.taken_until.is_(None), OutboxEvent.taken_until <= session.now),
    )
