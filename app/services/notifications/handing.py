"""Tells one person of one event: into their list first, then by SMS and push as they wish, each way once.

What was handed over is remembered at once, and the ports take each key once: neither a crash between two ways nor an
answer that was lost tells anybody twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app import texts
from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Unavailable
from app.models.notifications import Notification
from app.ports import Ports
from app.ports.messages import Message, MessageKind
from app.ports.push import PushMessage, PushOutcome
from app.services.notifications import addresses, wishes
from app.services.notifications.addresses import Address
from app.services.notifications.topics import Way, topic_of
from app.services.people import homes

PARAMETERS: Final = "notification.parameters"


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody is to be told of an event, and where: their home, their account and a phone, if there are any."""

    event_id: UUID
    home_id: UUID
    account_id: UUID | None
    phone: str | None = field(repr=False)
    message: str
    values: Mapping[str, str] = field(repr=False)

    @property
    def key(self) -> str:
        """The key under which a port takes this once."""
        return f"{self.event_id}:{self.home_id}"


@dataclass(frozen=True, slots=True)
class Open:
    """What is still to be handed over: by SMS or not, and to which apps; in which language, with which values."""

    language: str
    by_sms: bool
    apps: Sequence[Address]
    values: Mapping[str, str] = field(repr=False)


async def hand_over(db: Database, ports: Ports, note: Note) -> None:
    """Tell somebody by every way they wish; a way that fails holds up no other. Done again, nothing is told twice.

    No connection is held while messages are handed over.

    Raises:
        Unavailable: a way could not be gone.
    """
    todo = await db.run(lambda session: keep(session, note))
    text = texts.message(note.message, todo.language, **todo.values)
    failures: list[Unavailable] = []
    try:
        await _by_sms(db, ports, note, todo, text)
    except Unavailable as error:
        failures.append(error)
    await _by_push(db, ports, note, todo, text)
    if failures:
        raise failures[0]


async def _by_sms(db: Database, ports: Ports, note: Note, todo: Open, text: str) -> None:
    if todo.by_sms and note.phone is not None:
        await ports.messages.send(Message(key=note.key, to=note.phone, kind=MessageKind.NOTICE, text=text))
        await db.run(partial(_gone, note, Way.SMS))


async def _by_push(db: Database, ports: Ports, note: Note, todo: Open, text: str) -> None:
    if ports.push is None or not todo.apps:
        return
    topic = topic_of(note.message)
    for app in todo.apps:
        key = f"{note.key}:{app.device_id}"
        message = PushMessage(key=key, to=app.address, platform=app.platform, topic=topic.value, text=text)
        if await ports.push.send(message) is PushOutcome.GONE:
            await db.run(lambda session, app=app: addresses.forget(session, app))  # type: ignore[misc]
    await db.run(partial(_gone, note, Way.PUSH))


async def keep(session: Session, note: Note) -> Open:
    """Write the notification down, once; return what is still to be handed over. What was written first holds."""
    notification_id = new_id(bucket_of(note.home_id))
    key = await homes.key_of(session, note.home_id)
    places = texts.message_places(note.message)
    content = orjson.dumps({place: note.values[place] for place in sorted(places)})
    await session.execute(
        insert(Notification)
        .values(
            bucket=bucket_of(note.home_id),
            id=notification_id,
            home_id=note.home_id,
            event_id=note.event_id,
            message=note.message,
            parameters=key.seal_bytes(PARAMETERS, notification_id, content),
            created_at=session.now,
        )
        .on_conflict_do_nothing(index_elements=["bucket", "home_id", "event_id"])
    )
    row = await _row(session, note)
    wished, topic = await wishes.of(session, note.account_id), topic_of(note.message)
    by_push = note.account_id is not None and row.push_at is None and wished.wants(topic, Way.PUSH)
    return Open(
        language=wished.language,
        by_sms=row.sms_at is None and wished.wants(topic, Way.SMS),
        apps=await addresses.of(session, note.account_id) if by_push and note.account_id is not None else (),
        values=orjson.loads(key.open_bytes(PARAMETERS, row.id, row.parameters)),
    )


async def _gone(note: Note, way: Way, session: Session) -> None:
    row = await _row(session, note)
    if way is Way.SMS:
        row.sms_at = session.now
    else:
        row.push_at = session.now


async def _row(session: Session, note: Note) -> Notification:
    rows = await session.scalars(
        select(Notification)
        .where(
            Notification.bucket == bucket_of(note.home_id),
            Notification.home_id == note.home_id,
            Notification.event_id == note.event_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.one()
