"""What stands behind a code when it is redeemed: the card, the device, the link; and whether it still stands."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, select

from app.core.clock import today
from app.core.db import Session, bucket_of
from app.core.tokens.codes import Shown
from app.models.accounts import Device
from app.models.cards import Card, CardIssue
from app.models.links import FamilyLink, LinkState, MemberSlot
from app.models.people import Home, Person
from app.models.showings import ShowingPurpose
from app.ports.register import PhysicalCardStatus
from app.services import policies
from app.services.cards.allowing import HOLDER_DIED, Standing
from app.services.links import Services
from app.services.showings import rules


@dataclass(frozen=True, slots=True)
class Link:
    """The owner's side of a link, and the account that holds the owner; the columns of `find_link`."""

    id: UUID
    owner_id: UUID
    state: LinkState
    may_show_code: bool
    may_pay: bool
    reconfirm_from: date | None
    view_only_from: date | None
    relationship: str
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose card it is, sealed: the columns of `find_holder`, the last two are of a link's slot."""

    wrapped_key: bytes = field(repr=False)
    name: bytes = field(repr=False)
    number: bytes = field(repr=False)
    account_id: UUID | None
    card_number: bytes = field(repr=False)
    level: int
    region: str
    physical_status: PhysicalCardStatus
    activated_at: datetime | None
    suspended_at: datetime | None
    closed_at: datetime | None
    issue_number: str | None
    owner_name: bytes = field(default=b"", repr=False)
    is_frozen: bool = False


_HOLDER: Final = (
    Home.wrapped_key,
    Person.name,
    Person.number,
    Person.account_id,
    Card.card_number,
    Card.level,
    Card.region,
    Card.physical_status,
    Card.activated_at,
    Card.suspended_at,
    Card.closed_at,
    CardIssue.issue_number,
)


async def find_link(session: Session, shown: Shown) -> Link | None:
    """Return the link that a code rests on, if it is an owner who shows it; it may be over."""
    if shown.link_id is None:
        return None
    statement = (
        select(
            FamilyLink.id,
            FamilyLink.owner_id,
            FamilyLink.state,
            FamilyLink.may_show_code,
            FamilyLink.may_pay,
            FamilyLink.reconfirm_from,
            FamilyLink.view_only_from,
            FamilyLink.relationship,
            Person.account_id,
        )
        .join(Person, and_(Person.bucket == FamilyLink.bucket, Person.id == FamilyLink.owner_id))
        .where(FamilyLink.bucket == bucket_of(shown.link_id), FamilyLink.id == shown.link_id)
    )
    row = (await session.execute(statement)).mappings().one_or_none()
    return None if row is None else Link(**row)


async def find_holder(session: Session, shown: Shown) -> Holder | None:
    """Return whose card it is; by a link, as long as its slot is there, which stays as it is until the end."""
    statement = (
        select(*_HOLDER)
        .select_from(Person)
        .join(Home, and_(Home.bucket == Person.bucket, Home.id == Person.id))
        .join(Card, and_(Card.bucket == Person.bucket, Card.person_id == Person.id))
        .outerjoin(
            CardIssue,
            and_(
                CardIssue.bucket == Card.bucket,
                CardIssue.person_id == Card.person_id,
                CardIssue.channel == shown.channel,
            ),
        )
        .where(Person.bucket == bucket_of(shown.holder_id), Person.id == shown.holder_id)
    )
    if shown.link_id is None:
        own = (await session.execute(statement)).mappings().one_or_none()
        return None if own is None else Holder(**own)
    by_link = (
        statement.join(MemberSlot, and_(MemberSlot.bucket == Person.bucket, MemberSlot.member_id == Person.id))
        .where(MemberSlot.link_id == shown.link_id)
        .add_columns(MemberSlot.owner_name, MemberSlot.is_frozen)
        .with_for_update(of=MemberSlot)
    )
    shared = (await session.execute(by_link)).mappings().one_or_none()
    return None if shared is None else Holder(**shared)


async def is_standing(
    session: Session, shown: Shown, purpose: ShowingPurpose, link: Link | None, holder: Holder
) -> bool:
    """Say whether a code could be shown now as it was shown then."""
    if not _is_shared(shown, purpose, link, holder, today(session.now)):
        return False
    shower = holder.account_id if link is None else link.account_id
    if shower is None or await _account_on(session, shown.device_id) != shower:
        return False
    card = Standing(
        status=holder.physical_status.value if holder.closed_at is None else HOLDER_DIED,
        level=holder.level,
        is_suspended=holder.suspended_at is not None,
        is_in_use=holder.activated_at is not None or link is not None,
        is_here=holder.issue_number is not None or link is not None,
    )
    return rules.obstacle(card, (await policies.current(session, holder.region)).card_status, purpose) is None


def _is_shared(shown: Shown, purpose: ShowingPurpose, link: Link | None, holder: Holder, day: date) -> bool:
    """Say whether it is the holder's own showing, or they still let the owner do it."""
    if shown.link_id is None:
        return True
    if link is None or link.state is not LinkState.ACTIVE or holder.is_frozen:
        return False
    granted = Services(show_code=link.may_show_code, pay=link.may_pay)
    return rules.is_shared(granted.in_force(link.reconfirm_from, link.view_only_from, day), purpose)


async def _account_on(session: Session, device_id: UUID) -> UUID | None:
    """Return whose device it is, as long as they have not removed it."""
    account_id: UUID | None = await session.scalar(
        select(Device.account_id).where(Device.bucket == bucket_of(device_id), Device.id == device_id)
    )
    return account_id
