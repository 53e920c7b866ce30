"""Who hears of certifications: the holder, and those of the family who may certify them."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.links import FamilyLink, LinkState, MemberSlot
from app.services import outbox


def tell_home(session: Session, home_id: UUID, message: str, facts: Mapping[str, str]) -> None:
    """Tell somebody; ids and days alone are written down."""
    outbox.tell(session, outbox.Kind.TELL_PERSON, home_id, after=timedelta(), message=message, **facts)


async def tell_all(session: Session, person_id: UUID, message: str, **facts: str) -> None:
    """Tell a holder, and those of the family who may certify them; ids and days alone are written down."""
    tell_home(session, person_id, message, facts)
    for link in await certifying(session, person_id):
        about = {"member_id": str(person_id), "link_id": str(link.id)}
        tell_home(session, link.owner_id, f"{message}_owner", facts | about)


async def certifying(session: Session, person_id: UUID) -> list[FamilyLink]:
    """Return the links by which others may certify somebody now."""
    slots = await session.scalars(
        select(MemberSlot)
        .where(MemberSlot.bucket == bucket_of(person_id), MemberSlot.member_id == person_id)
        .order_by(MemberSlot.slot_no)
    )
    found = [
        await session.get(FamilyLink, (bucket_of(slot.link_id), slot.link_id), populate_existing=True)
        for slot in slots.all()
    ]
    return [link for link in found if link is not None and link.state is LinkState.ACTIVE and link.may_certify]
