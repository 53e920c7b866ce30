"""Ends what is shared with somebody who has no account: they have shown a code of the register's phone."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import NotFound
from app.models.sharing import SharingEnd, SharingState
from app.services.audit import Actor
from app.services.sharing import ending, reading, rows
from app.services.sharing.reading import SharedView


async def require_shared(session: Session, member_id: UUID, binding_ids: Collection[UUID]) -> None:
    """Check that these bindings are or were shared with somebody, or wait for their answer.

    Raises:
        NotFound: one of them is not.
    """
    for binding_id in binding_ids:
        seen = await rows.seen(session, binding_id)
        if seen is None or seen.member_id != member_id:
            raise NotFound


async def leave(db: Database, member_id: UUID, binding_ids: Collection[UUID], actor: Actor) -> Sequence[SharedView]:
    """Return what is shared with somebody, once these of it have ended; what waited is declined, ended is as good.

    Each is a unit of work of its own: it locks the two homes that it concerns, and no more.
    """
    before = await db.run(lambda session: reading.shared_with(session, member_id))
    for binding_id in sorted(set(binding_ids)):
        await db.run(partial(_end, binding_id, actor))
    return [replace(each, state=SharingState.ENDED) if each.id in binding_ids else each for each in before]


async def _end(binding_id: UUID, actor: Actor, session: Session) -> None:
    binding = await rows.locked(session, binding_id)
    waits = binding.state is SharingState.PENDING
    await ending.end(session, binding_id, SharingEnd.DECLINED if waits else SharingEnd.BY_MEMBER, actor)
