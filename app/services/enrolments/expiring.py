"""Ends enrolments and handovers whose time is over; nobody need come back for that."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session
from app.models.enrolments import Enrolment, State
from app.services.enrolments import finishing, handing_over, loading
from app.services.handovers import rows as handovers

_AT_ONCE = 100


async def expire_due(db: Database) -> int:
    """End the open enrolments whose time is over; return how many."""

    async def due(session: Session) -> Sequence[UUID]:
        rows = await session.scalars(
            select(Enrolment.id)
            .where(
                Enrolment.ended_at.is_(None),
                Enrolment.state != State.IN_REVIEW,
                Enrolment.expires_at <= session.now,
            )
            .order_by(Enrolment.expires_at)
            .limit(_AT_ONCE)
        )
        return rows.all()

    return sum([await db.run(partial(_expire, enrolment_id)) for enrolment_id in await db.run(due)])


async def expire_handovers(db: Database) -> int:
    """End the open handovers whose time is over; return how many."""
    found = await db.run(lambda session: handovers.due(session, most=_AT_ONCE))
    return sum([await db.run(partial(handing_over.expire, enrolment_id)) for enrolment_id in found])


async def _expire(enrolment_id: UUID, session: Session) -> bool:
    enrolment = await loading.locked(session, enrolment_id)
    if enrolment is None or not loading.is_overdue(session, enrolment):
        return False
    await finishing.expire(session, enrolment)
    return True
