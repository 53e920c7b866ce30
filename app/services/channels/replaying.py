"""What a channel was told and what it was not; told again by hand, under the same ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, or_, select, tuple_, update

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.outbox import OutboxEvent
from app.services.outbox import Kind


class EventState(StrEnum):
    """Where an event is: on its way, taken by the channel, or given up after three days."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


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
        NotFound: nothing of ours is called so.
    """
    match = re.fullmatch(r"evt_([0-9a-f]{32})", text)
    if match is None:
        raise NotFound
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
        NotFound: it is none of the channel's.
    """
    row = await session.get(OutboxEvent, (bucket_of(event_id), event_id), with_for_update=True, populate_existing=True)
    if row is None or row.kind != Kind.TELL_CHANNEL or row.facts["channel"] != channel:
        raise NotFound
    if row.taken_until is None or row.done_at is not None or row.taken_until <= session.now:
        row.done_at = row.given_up_at = row.taken_until = None
        row.due_at = row.again_at = session.now
        row.attempts = 0
    return _seen(row)


async def again_since(session: Session, channel: str, since: datetime, state: EventState) -> int:
    """Tell a channel again whatever has come to be since a moment and is in this state; return how much that is."""
    done = await session.execute(
        update(OutboxEvent)
        .where(
            *_of(channel),
            OutboxEvent.created_at >= since,
            _is(state),
            or_(
                OutboxEvent.taken_until.is_(None),
                OutboxEvent.taken_until <= session.now,
                OutboxEvent.done_at.is_not(None),
            ),
        )
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
    return done.rowcount


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
