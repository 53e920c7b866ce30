"""What somebody was told, to be read again: in the language they ask for now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, CursorResult, func, select, tuple_, update

from app import texts
from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.core.sealing import DataKey
from app.models.notifications import Notification
from app.services.accounts.sessions import Caller
from app.services.notifications.handing import PARAMETERS
from app.services.notifications.topics import Topic, topic_of
from app.services.people import homes

_MOST_COUNTED: Final = 999


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that somebody was told; its words take the language when they are read."""

    id: UUID
    message: str
    values: Mapping[str, str] = field(repr=False)
    created_at: datetime
    read_at: datetime | None
    sms_at: datetime | None
    push_at: datetime | None

    @property
    def topic(self) -> Topic:
        """What it is about."""
        return topic_of(self.message)

    def text(self, language: str) -> str:
        """Return its words."""
        return texts.message(self.message, language, **self.values)


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest of what somebody was told, and how much of all is unread (999 stands for more)."""

    found: Sequence[Told]
    unread: int


async def list_for(
    session: Session, caller: Caller, *, only_unread: bool, before: tuple[datetime, UUID] | None, most: int
) -> Listed:
    """Return what the caller was told, the newest first.

    Args:
        before: when the last one that is known was told, and its id.
    """
    found: list[Told] = []
    unread = 0
    for home_id in await _homes_of(session, caller):
        narrowed = [] if before is None else [tuple_(Notification.created_at, Notification.id) < before]
        if only_unread:
            narrowed.append(Notification.read_at.is_(None))
        rows = await session.scalars(
            select(Notification)
            .where(*_lie_in(home_id), *narrowed)
            .order_by(Notification.created_at.desc(), Notification.id.desc())
            .limit(most)
        )
        key = await homes.key_of(session, home_id)
        found += [opened(key, row) for row in rows]
        unread += await _count_unread(session, home_id)
    found.sort(key=lambda told: (told.created_at, told.id), reverse=True)
    return Listed(found[:most], min(unread, _MOST_COUNTED))


async def mark_read(session: Session, caller: Caller, notification_id: UUID) -> Told:
    """Remember that the caller has read one; read before is as good.

    Raises:
        NotFound: it is not theirs.
    """
    row = await _one(session, await _homes_of(session, caller), notification_id)
    row.read_at = row.read_at or session.now
    return opened(await homes.key_of(session, row.home_id), row)


async def mark_all_read(session: Session, caller: Caller, until: UUID) -> int:
    """Remember that the caller has read one notification and all before it; return how many were unread.

    Raises:
        NotFound: it is not theirs.
    """
    theirs = await _homes_of(session, caller)
    newest = await _one(session, theirs, until)
    count = 0
    for home_id in theirs:
        done = await session.execute(
            update(Notification)
            .where(*_lie_in(home_id), Notification.created_at <= newest.created_at, Notification.read_at.is_(None))
            .values(read_at=session.now)
            .execution_options(synchronize_session=False)
        )
        assert isinstance(done, CursorResult)
        count += done.rowcount
    return count


def opened(key: DataKey, row: Notification) -> Told:
    """Open a notification with the key of its home."""
    return Told(
        id=row.id,
        message=row.message,
        values=orjson.loads(key.open_bytes(PARAMETERS, row.id, row.parameters)),
        created_at=row.created_at,
        read_at=row.read_at,
        sms_at=row.sms_at,
        push_at=row.push_at,
    )


async def _one(session: Session, home_ids: Sequence[UUID], notification_id: UUID) -> Notification:
    row: Notification | None = await session.get(
        Notification, (bucket_of(notification_id), notification_id), with_for_update=True, populate_existing=True
    )
    if row is None or row.home_id not in home_ids:
        raise NotFound
    return row


async def _homes_of(session: Session, caller: Caller) -> Sequence[UUID]:
    """Return the homes that are the caller's to read: the account's, and the person's whose face they have shown."""
    person_id = caller.person_id if caller.is_proven else None
    if person_id is None or await homes.holder(session, person_id) != caller.account_id:
        return [caller.account_id]
    return [caller.account_id, person_id]


async def _count_unread(session: Session, home_id: UUID) -> int:
    unread = select(Notification.id).where(*_lie_in(home_id), Notification.read_at.is_(None)).limit(_MOST_COUNTED)
    return await session.scalar(select(func.count()).select_from(unread.subquery())) or 0


def _lie_in(home_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return Notification.bucket == bucket_of(home_id), Notification.home_id == home_id
