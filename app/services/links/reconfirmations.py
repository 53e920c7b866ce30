"""Rows of reconfirmations: a link that waits for its member's own live face, and who is at it."""

from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.links import RECONFIRMATION_OPEN, FamilyLink, Reconfirmation, ReconfirmationState
from app.services import cases
from app.services.audit import Actor
from app.services.faces import ending, frames


async def seen(session: Session, reconfirmation_id: UUID) -> Reconfirmation | None:
    """Return a reconfirmation without a lock, if there is one."""
    found: Reconfirmation | None = await session.get(
        Reconfirmation, (bucket_of(reconfirmation_id), reconfirmation_id), populate_existing=True
    )
    return found


async def locked(session: Session, reconfirmation_id: UUID) -> Reconfirmation:
    """Return a reconfirmation that is there, locked."""
    return await session.get_one(
        Reconfirmation,
        (bucket_of(reconfirmation_id), reconfirmation_id),
        with_for_update=True,
        populate_existing=True,
    )


async def open_of(session: Session, link: FamilyLink) -> Reconfirmation | None:
    """Return the open reconfirmation of a link, locked."""
    found: Reconfirmation | None = await session.scalar(
        select(Reconfirmation)
        .where(
            Reconfirmation.bucket == link.bucket,
            Reconfirmation.link_id == link.id,
            Reconfirmation.state.in_(sorted(RECONFIRMATION_OPEN)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def close(session: Session, row: Reconfirmation, state: ReconfirmationState) -> None:
    """Bring a locked reconfirmation to its end; what was seen of the face goes at once."""
    row.state, row.ended_at = state, session.now
    await frames.let_go_of(session, row.home_id, row.id)


async def cancel_open(session: Session, link: FamilyLink, actor: Actor) -> None:
    """Give up what is open for a link: it is over, disputed, or begun anew. Both homes are locked."""
    row = await open_of(session, link)
    if row is None:
        return
    await ending.give_up_open(session, row.home_id, row.id, actor)
    await cases.withdraw(session, row.home_id, row.id)
    await close(session, row, ReconfirmationState.CANCELLED)
    await session.flush()
