"""Somebody has died, or their physical card was cancelled: every link of theirs ends, on both sides."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import select

from app.core.db import Database, Session, bucket_of
from app.models.links import LIVING, FamilyLink, LinkEnd, MemberSlot
from app.services import audit, links


async def end_all(db: Database, person_id: UUID, because: LinkEnd) -> int:
    """End the links of a person, as owner and as member; return how many were found. Done again it ends what is left.

    Each is a unit of work of its own: it locks the two homes that it concerns, and no more.
    """
    found = await db.run(partial(_links_of, person_id))
    for link_id in found:
        await db.run(partial(_end, link_id, because, person_id))
    return len(found)


async def _end(link_id: UUID, because: LinkEnd, person_id: UUID, session: Session) -> None:
    await links.end(session, link_id, because, audit.SYSTEM, of=person_id)


async def _links_of(person_id: UUID, session: Session) -> Sequence[UUID]:
    bucket = bucket_of(person_id)
    as_owner = await session.scalars(
        select(FamilyLink.id).where(
            FamilyLink.bucket == bucket, FamilyLink.owner_id == person_id, FamilyLink.state.in_(sorted(LIVING))
        )
    )
    as_member = await session.scalars(
        select(MemberSlot.link_id).where(MemberSlot.bucket == bucket, MemberSlot.member_id == person_id)
    )
    return [*as_owner, *as_member]
