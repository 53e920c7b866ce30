"""What stands behind a code when it is redeemed: the card, the device, the link; and whether it still stands."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from app.core.clock import today
from app.core.db import Writer, bucket_of, hot
from app.core.tokens.codes import Shown
from app.models.links import LinkState
from app.models.showings import ShowingPurpose
from app.services.cards.allowing import HOLDER_DIED, Standing
from app.services.links import Services
from app.services.rules.cards import CardStatus
from app.services.showings.rules import is_shared, obstacle


@dataclass(frozen=True, slots=True)
class Link:
    """The owner's side of a link, and the account that holds the owner; the columns of `find_link`."""

    id: UUID
    owner_id: UUID
    state: str
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
    physical_status: str
    activated_at: datetime | None
    suspended_at: datetime | None
    closed_at: datetime | None
    asked_at: datetime | None
    issue_number: str | None = None
    owner_name: bytes = field(default=b"", repr=False)
    is_frozen: bool = False


_LINK = hot("""
SELECT l.id, l.owner_id, l.state, l.may_show_code, l.may_pay, l.reconfirm_from, l.view_only_from, l.relationship,
       p.account_id
FROM family_link l
JOIN person p ON p.bucket = l.bucket AND p.id = l.owner_id
WHERE l.bucket = $1 AND l.id = $2
""")
_HOLDER = hot("""
SELECT h.wrapped_key, p.name, p.number, p.account_id, c.card_number, c.level, c.region, c.physical_status,
       c.activated_at, c.suspended_at, c.closed_at, c.asked_at, i.issue_number
FROM person p
JOIN home h ON h.bucket = p.bucket AND h.id = p.id
JOIN card c ON c.bucket = p.bucket AND c.person_id = p.id
LEFT JOIN card_issue i ON i.bucket = c.bucket AND i.person_id = c.person_id AND i.channel = $3
WHERE p.bucket = $1 AND p.id = $2
""")
_SHARED = hot("""
SELECT h.wrapped_key, p.name, p.number, p.account_id, c.card_number, c.level, c.region, c.physical_status,
       c.activated_at, c.suspended_at, c.closed_at, c.asked_at, m.owner_name, m.is_frozen
FROM member_slot m
JOIN person p ON p.bucket = m.bucket AND p.id = m.member_id
JOIN home h ON h.bucket = m.bucket AND h.id = m.member_id
JOIN card c ON c.bucket = m.bucket AND c.person_id = m.member_id
WHERE m.bucket = $1 AND m.member_id = $2 AND m.link_id = $3
FOR UPDATE OF m
""")
_DEVICE = hot("SELECT account_id FROM device WHERE bucket = $1 AND id = $2")


async def find_link(writer: Writer, shown: Shown) -> Link | None:
    """Return the link that a code rests on, if it is an owner who shows it; it may be over."""
    if shown.link_id is None:
        return None
    rows = await writer.rows(_LINK, bucket_of(shown.link_id), shown.link_id)
    return Link(**rows[0]) if rows else None


async def find_holder(writer: Writer, shown: Shown) -> Holder | None:
    """Return whose card it is; by a link, as long as its slot is there, which stays as it is until the end."""
    who = (bucket_of(shown.holder_id), shown.holder_id)
    if shown.link_id is None:
        rows = await writer.rows(_HOLDER, *who, shown.channel)
    else:
        rows = await writer.rows(_SHARED, *who, shown.link_id)
    return Holder(**rows[0]) if rows else None


async def is_standing(
    writer: Writer, rules: CardStatus, shown: Shown, purpose: ShowingPurpose, link: Link | None, holder: Holder
) -> bool:
    """Say whether a code could be shown now as it was shown then, by the rules of the holder's region."""
    if not _is_shared(shown, purpose, link, holder, today(writer.now)):
        return False
    shower = holder.account_id if link is None else link.account_id
    devices = await writer.rows(_DEVICE, bucket_of(shown.device_id), shown.device_id)
    if shower is None or not devices or devices[0]["account_id"] != shower:  # the device was removed, or is another's
        return False
    card = Standing(
        status=holder.physical_status if holder.closed_at is None else HOLDER_DIED,
        level=holder.level,
        is_suspended=holder.suspended_at is not None,
        is_in_use=holder.activated_at is not None or link is not None,
        is_here=holder.issue_number is not None or link is not None,
    )
    return obstacle(card, rules, purpose) is None


def _is_shared(shown: Shown, purpose: ShowingPurpose, link: Link | None, holder: Holder, day: date) -> bool:
    """Say whether it is the holder's own showing, or they still let the owner do it."""
    if shown.link_id is None:
        return True
    if link is None or link.state != LinkState.ACTIVE or holder.is_frozen:
        return False
    granted = Services(show_code=link.may_show_code, pay=link.may_pay)
    return is_shared(granted.in_force(link.reconfirm_from, link.view_only_from, day), purpose)
