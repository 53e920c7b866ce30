"""A look at how somebody stands, for who serves them: little, masked, and written down in their home each time."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import Session, bucket_of
from app.models.cards import Card
from app.models.counter import Purpose
from app.models.sharing import LIVING, SharerSlot, SharingBinding
from app.services import audit
from app.services.audit import Action
from app.services.counter import using
from app.services.counter.deeds import Hand
from app.services.people import homes
from app.services.people.names import mask_name


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands: whether there is an e-card and it is suspended, with how many they share and who with them.

    The name is masked.
    """

    name: str = field(repr=False)
    has_e_card: bool
    is_suspended: bool
    shares_with: int
    shared_by: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look gives, and what for it was."""

    purpose: Purpose
    standing: Standing


async def look_up(session: Session, hand: Hand, token: str) -> Looked:
    """Look at how somebody stands whose card was read, for what it was read for; that spends nothing.

    Raises:
        CardReadNotValid, CardReadOfAnother, CardReadOver, CardReadUsed: the card has to be read again.
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, StaffSessionEnded.
    """
    served = await using.open_read(session, hand, token)
    await homes.lock(session, {served.person_id})
    await hand.confirm(session)
    await audit.record(session, Action.COUNTER_LOOKED, home_id=served.person_id, actor=served.actor, facts=served.facts)
    return Looked(served.purpose, await standing_of(session, served.person_id))


async def standing_of(session: Session, person_id: UUID) -> Standing:
    """Return how somebody stands; that it is looked at is for the caller to write down."""
    bucket = bucket_of(person_id)
    person = await homes.person(session, person_id)
    card = await session.get(Card, (bucket, person_id), populate_existing=True)
    shares_with = await session.scalar(
        select(func.count()).where(
            SharingBinding.bucket == bucket,
            SharingBinding.owner_id == person_id,
            SharingBinding.state.in_(sorted(LIVING)),
        )
    )
    shared_by = await session.scalar(
        select(func.count()).where(SharerSlot.bucket == bucket, SharerSlot.member_id == person_id)
    )
    return Standing(
        name=mask_name(person.name),
        has_e_card=card is not None and card.closed_at is None,
        is_suspended=card is not None and card.suspended_at is not None,
        shares_with=shares_with or 0,
        shared_by=shared_by or 0,
    )
