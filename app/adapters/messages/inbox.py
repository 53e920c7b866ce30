"""Keeps messages in a table instead of sending them; development reads them at `/dev/messages`."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, new_id
from app.models.stand_ins import InboxMessage
from app.ports.messages import Inbox, Message, Received


class InboxMessages(Inbox):
    """A readable inbox for every phone, sealed at rest."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def send(self, message: Message) -> None:
        async def put(session: Session) -> None:
            message_id = new_id(0)
            content = orjson.dumps({"to": message.to, "text": message.text, "code": message.code})
            await session.execute(
                insert(InboxMessage)
                .values(
                    id=message_id,
                    key=message.key,
                    phone_hmac=session.lookup.digest("phone", message.to),
                    kind=message.kind,
                    content=session.vault.system.seal_bytes("inbox_message.content", message_id, content),
                    sent_at=session.now,
                )
                .on_conflict_do_nothing(index_elements=[InboxMessage.key])
            )

        await self._db.run(put)

    async def received(self, phone: str | None, limit: int = 50) -> Sequence[Received]:
        """Return the newest messages to a phone, or to all phones, newest first."""

        async def read(session: Session) -> Sequence[Received]:
            statement = select(InboxMessage).order_by(InboxMessage.sent_at.desc(), InboxMessage.id).limit(limit)
            if phone is not None:
                statement = statement.where(InboxMessage.phone_hmac.in_(session.lookup.digests("phone", phone)))
            return [_opened(session, row.id, row) for row in await session.scalars(statement)]

        return await self._db.run(read)


def _opened(session: Session, message_id: UUID, row: InboxMessage) -> Received:
    content = orjson.loads(session.vault.system.open_bytes("inbox_message.content", message_id, row.content))
    return Received(sent_at=row.sent_at, kind=row.kind, **content)
