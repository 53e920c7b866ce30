"""A certification that waits for a face or for people goes on, because it was seen at a window who the person is."""

from collections.abc import Sequence
from uuid import UUID

from app.core.db import Session
from app.models.certifications import CertificationState
from app.ports.certifications import Way
from app.services import cases
from app.services.audit import Actor
from app.services.certifications import ending, rows
from app.services.faces import ending as face_ending
from app.services.faces import frames


async def homes_of(session: Session, person_id: UUID) -> frozenset[UUID]:
    """Return the homes of those who have begun certifications of somebody that are not over."""
    return frozenset(each.home_id for each in await rows.under_way(session, person_id))


async def attest(session: Session, person_id: UUID, actor: Actor) -> Sequence[UUID]:
    """Let somebody be certified by what people look at, or else by what was begun last; return its id, if there is one.

    The homes of the person and of those who have begun certifications of theirs are locked.
    """
    found = await rows.under_way(session, person_id)
    chosen = min(found, key=lambda each: each.state is not CertificationState.IN_REVIEW, default=None)
    if chosen is None:
        return []
    await face_ending.give_up_open(session, chosen.home_id, chosen.id, actor)
    await frames.let_go_of(session, chosen.home_id, chosen.id)
    await cases.withdraw(session, chosen.home_id, chosen.id)
    chosen.way = Way.COUNTER
    await session.flush()
    await ending.succeed(session, chosen, actor)
    return [chosen.id]
