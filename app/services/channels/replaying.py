"""What a channel was told and what it was not; told again by hand, under the same ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, func, select, true, tuple_, update

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.outbox import OutboxEvent
from app.services.outbox import Kind

MOST_AT_ONCE: Final = 500
MOST_COUNTED: Final = 10_000


class ChannelEventNotFound(NotFound):
    """None of the channel's events is called so, or not any more."""

    code = "channel-event-not-found"


class EventState(StrEnum):
    """Where an event is: on its way, taken by the channel, or given up after three days."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Settled(StrEnum):
    """How an event has ended."""

    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Replay:
    """How many events are told again, and how many more there are (counted up to `MOST_COUNTED`) after which one."""

    count: int
    remaining: int
    last: tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One event, as its channel may see it; `next_try_at` while it is waiting."""

    id: UUID
    event: str
    issue_number: str
    created_at: datetime
    state: EventState
    attempts: int
    settled_at: datetime | None
    next_try_at: datetime | None

    @property
    def webhook_id(self) -> str:
        """What it is called on the wire."""
        return webhook_id(self.id)


def webhook_id(event_id: UUID) -> str:
    """Return what an event is called on the wire: the same whenever it is sent."""
    return f"evt_{event_id.hex}"


def identity(text: str) -> UUID:
    """Read what an event is called on the wire.

    Raises:
        ChannelEventNotFound: nothing of ours is called so.
    """
    match = re.fullmatch(r"evt_([0-9a-f]{32})", text)
    if match is None:
        raise ChannelEventNotFound
    return UUID(match[1])


async def listed(
    session: Session, channel: str, *, state: EventState | None, before: tuple[datetime, UUID] | None, most: int
) -> Sequence[ChannelEvent]:
    """Return a channel's events of the last 30 days, the newest first: across all homes.

    Args:
        before: when the last one that is known came to be, and its id.
    """
    statement = select(OutboxEvent).where(*_of(channel))
    if state is not None:
        statement = statement.where(_is(state))
    if before is not None:
        statement = statement.where(tuple_(OutboxEvent.created_at, OutboxEvent.id) < before)
    rows = await session.scalars(statement.order_by(OutboxEvent.created_at.desc(), OutboxEvent.id.desc()).limit(most))
    return [_seen(row) for row in rows]


async def again(session: Session, channel: str, event_id: UUID) -> ChannelEvent:
    """Tell a channel one event again, now; while it is being told nothing changes.

    Raises:
        ChannelEventNotFound: it is none of the channel's.
    """
    row = await session.get(OutboxEvent, (bucket_of(event_id), event_id), with_for_update=True, populate_existing=True)
    if row is None or row.kind != Kind.TELL_CHANNEL or row.facts["channel"] != channel:
        raise ChannelEventNotFound
    if row.taken_until is None or row.done_at is not None or row.taken_until <= session.now:
        row.done_at = row.given_up_at = row.taken_until = None
        row.due_at = row.again_at = session.now
        row.attempts = 0
    return _seen(row)


async def again_since(
    session: Session, channel: str, since: datetime, state: Settled, *, after: tuple[datetime, UUID] | None = None
) -> Replay:
    """Tell a channel again what has come to be since a moment and ended so: five hundred events, the oldest first.

    Args:
        after: when the last one that was taken came to be, and its id.
    """
    moment = tuple_(OutboxEvent.created_at, OutboxEvent.id)
    wanted = (*_of(channel), _is(EventState(state)), OutboxEvent.created_at >= since)
    found = await session.execute(
        select(OutboxEvent.bucket, OutboxEvent.id, OutboxEvent.created_at)
        .where(*wanted, true() if after is None else moment > after)
        .order_by(OutboxEvent.created_at, OutboxEvent.id)
        .limit(MOST_AT_ONCE)
    )
    rows = found.all()
    if not rows:
        return Replay(0, 0, None)
    done = await session.execute(
        update(OutboxEvent)
        .where(tuple_(OutboxEvent.bucket, OutboxEvent.id).in_([(row.bucket, row.id) for row in rows]), *wanted)
        .values(
            done_at=None,
            given_up_at=None,
            taken_until=None,
            due_at=session.now,
            again_at=session.now,
            attempts=0,
        )
        .execution_options(synchronize_session=False)
    )
    assert isinstance(done, CursorResult)
    last = rows[-1].created_at, rows[-1].id
    left = select(OutboxEvent.id).where(*wanted, moment > last).limit(MOST_COUNTED).subquery()
    remaining = await session.scalar(select(func.count()).select_from(left)) or 0
    return Replay(done.rowcount, remaining, last if remaining else None)


def _of(channel: str) -> tuple[ColumnElement[bool], ...]:
    return OutboxEvent.kind == Kind.TELL_CHANNEL.value, OutboxEvent.facts["channel"].astext == channel


def _is(state: EventState) -> ColumnElement[bool]:
    match state:
        case EventState.WAITING:
            return OutboxEvent.done_at.is_(None)
        case EventState.GIVEN_UP:
            return OutboxEvent.given_up_at.is_not(None)
        case EventState.DELIVERED:
            return OutboxEvent.done_at.is_not(None) & OutboxEvent.given_up_at.is_(None)


def _seen(row: OutboxEvent) -> ChannelEvent:
    if row.done_at is None:
        state = EventState.WAITING
    else:
        state = EventState.DELIVERED if row.given_up_at is None else EventState.GIVEN_UP
    return ChannelEvent(
        id=row.id,
        event=row.facts["event"],
        issue_number=row.facts["issue_number"],
        created_at=row.created_at,
        state=state,
        attempts=row.attempts,
        settled_at=row.done_at,
        next_try_at=row.due_at if row.done_at is None else None,
    )
