"""The family page in one trip: whom the caller acts for, whom they are adding, who acts for them, places left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from typing import Final
from uuid import UUID

from asyncpg import Record

from app.core.clock import today
from app.core.db import Database, Session, bucket_of, hot
from app.core.errors import NotFound
from app.core.sealing import DataKey
from app.core.tokens.access import AccessClaims
from app.models.links import FamilyLink, LinkDispute, LinkState, Place
from app.services import links, policies
from app.services.accounts import sessions
from app.services.accounts.sessions import Count
from app.services.cards.reading import OwnCardNeeded
from app.services.family.ageing import Change, changes
from app.services.links import Service, Services, disputes
from app.services.people import homes
from app.services.people.ages import age_on
from app.services.people.names import mask_name
from app.services.rules.family import Ages, Quota


# What a page is made of is not frozen: that costs three times as much to make, and a page is a dozen of them.
@dataclass(slots=True)
class MemberView:
    """A relative as their owner sees them, masked; `enrolment_id` is where they were added, or are being added.

    `money` says how the sharing of the owner's medical account with them stands, `money_to_me` that of theirs.
    """

    link_id: UUID
    enrolment_id: UUID
    name: str = field(repr=False)
    number: str = field(repr=False)
    age: int
    relationship: str
    place: Place
    services: Services
    state: LinkState
    since: datetime
    changes: tuple[Change, ...]
    money: str
    money_to_me: str


@dataclass(slots=True)
class OwnerView:
    """Somebody who has added the caller, masked; `relationship` is what the caller is to them."""

    link_id: UUID
    name: str = field(repr=False)
    relationship: str
    state: LinkState
    since: datetime


@dataclass(frozen=True, slots=True)
class OwnerDetails:
    """The same with what they may do for the caller today, what was agreed to, what will change, and the objection."""

    owner: OwnerView
    services: Services
    agreed: tuple[Service, ...]
    changes: tuple[Change, ...]
    dispute: LinkDispute | None


@dataclass(slots=True)
class Usage:
    """Places taken, by relatives who are being added too, and places there are."""

    used: int
    limit: int


@dataclass(slots=True)
class QuotaView:
    """How many places the caller has, by which rule, since when."""

    profile: str
    since: date | None
    total: Usage
    places: Mapping[Place, Usage]


@dataclass(slots=True)
class FamilyPage:
    """The caller's family: whom they act for, whom they are adding, who acts for them."""

    members: Sequence[MemberView]
    adding: Sequence[MemberView]
    owners: Sequence[OwnerView]
    quota: QuotaView


# Looked up, for making them anew is what most of a page would cost.
_PLACES: Final = {place.value: place for place in Place}
_STATES: Final = {state.value: state for state in LinkState}
_SERVICES: Final = {allowed: Services(*allowed) for allowed in product((False, True), repeat=len(Service))}

# The member's rows and the owner's come in one answer: `side` tells them apart. Both lie in the caller's home.
PAGE = hot("""
SELECT s.assurance, s.expires_at, s.ended_at, p.account_id AS proven_account_id, h.wrapped_key, s.channel, n.is_open,
       n.requests_per_minute, r.*
FROM session s
LEFT JOIN channel n ON n.name = s.channel
LEFT JOIN home h ON h.bucket = s.bucket AND h.id = s.person_id
LEFT JOIN person p ON p.bucket = s.bucket AND p.id = s.person_id
LEFT JOIN LATERAL (
    SELECT 'member' AS side, l.id AS link_id, l.enrolment_id, l.member_name AS name, l.member_number AS number,
           l.member_birth_date AS birth_date, l.relationship, l.place, l.may_view, l.may_show_code, l.may_certify,
           l.may_file, l.may_pay, l.state, coalesce(l.active_since, l.reserved_at) AS since,
           l.reconfirm_from, l.view_only_from, coalesce(b.state, 'none') AS money,
           CASE WHEN t.is_paused THEN 'paused' WHEN t.is_paused IS NULL THEN 'none' ELSE 'active' END AS money_to_me
    FROM family_link l
    LEFT JOIN sharing_binding b
        ON b.bucket = $1 AND b.owner_id = l.owner_id AND b.member_id = l.member_id AND b.state <> 'ended'
    LEFT JOIN sharer_slot t ON t.bucket = $1 AND t.member_id = l.owner_id AND t.owner_id = l.member_id
    WHERE l.bucket = $1 AND l.owner_id = s.person_id AND l.state <> 'ended'
    UNION ALL
    SELECT 'owner', m.link_id, NULL, m.owner_name, NULL, NULL, m.relationship, NULL, NULL, NULL, NULL, NULL, NULL,
           CASE WHEN m.is_frozen THEN 'frozen' ELSE 'active' END, m.since, NULL, NULL, NULL, NULL
    FROM member_slot m
    WHERE m.bucket = $1 AND m.member_id = s.person_id
) r ON true
WHERE s.bucket = $1 AND s.id = $2
ORDER BY r.since
""")


async def page(db: Database, claims: AccessClaims, count: Count) -> FamilyPage:
    """Return the caller's family page, masked, in one trip; the session is checked in it.

    Raises:
        SessionEnded, ChannelStopped, TooMany, MoreProofNeeded: the session reads nothing now.
        OwnCardNeeded: nobody has shown to be a person by this account.
    """
    rows = await db.fetch(PAGE, bucket_of(claims.session_id), claims.session_id)
    now = db.clock.now()
    first = sessions.readable(rows, now, count)
    if first["proven_account_id"] != claims.account_id:
        raise OwnCardNeeded
    key = db.vault.cached(first["wrapped_key"]) or await db.vault.unlock(first["wrapped_key"])
    day = today(now)
    rules = await policies.at_hand(db)
    held = [_member(key, row, day, rules.ages) for row in rows if row["side"] == "member"]
    return FamilyPage(
        members=[member for member in held if member.state is not LinkState.RESERVED],
        adding=[member for member in held if member.state is LinkState.RESERVED],
        owners=[_owner(key, row) for row in rows if row["side"] == "owner"],
        quota=_quota(rules.quota, held),
    )


async def member(db: Database, claims: AccessClaims, link_id: UUID) -> MemberView:
    """Return one of the caller's members.

    Raises:
        NotFound: there is no such link, or it is over; besides what `page` raises.
    """
    for found in (await page(db, claims, sessions.count_nothing)).members:
        if found.link_id == link_id:
            return found
    raise NotFound


async def owner(db: Database, claims: AccessClaims, link_id: UUID) -> OwnerDetails:
    """Return one of those who have added the caller, what they may do for the caller, and what will change.

    Raises:
        NotFound: there is no such link, or it is over; besides what `page` raises.
    """
    found = next(
        (each for each in (await page(db, claims, sessions.count_nothing)).owners if each.link_id == link_id), None
    )
    if found is None:
        raise NotFound
    return await db.run(lambda session: _details(session, found))


async def _details(session: Session, view: OwnerView) -> OwnerDetails:
    link = await session.get_one(FamilyLink, (bucket_of(view.link_id), view.link_id))
    day, rules = today(session.now), (await policies.current(session)).ages
    birth = (await homes.person(session, link.member_id)).birth_date
    return OwnerDetails(
        owner=view,
        services=Services.on(link, day),
        agreed=tuple(service for service in Service if service in link.agreed.split()),
        changes=changes(birth, rules, link.reconfirm_from, link.view_only_from, day),
        dispute=await disputes.seen(session, link),
    )


def _member(key: DataKey, row: Record, day: date, rules: Ages) -> MemberView:
    link_id = row["link_id"]
    birth_date = date.fromisoformat(key.open("family_link.member_birth_date", link_id, row["birth_date"]))
    return MemberView(
        link_id=link_id,
        enrolment_id=row["enrolment_id"],
        name=mask_name(key.open("family_link.member_name", link_id, row["name"])),
        number=key.open("family_link.member_number", link_id, row["number"]),  # it was masked before it was sealed
        age=age_on(birth_date, day),
        relationship=row["relationship"],
        place=_PLACES[row["place"]],
        services=_in_force(row, day),
        state=_STATES[row["state"]],
        since=row["since"],
        changes=changes(birth_date, rules, row["reconfirm_from"], row["view_only_from"], day),
        money=row["money"],
        money_to_me=row["money_to_me"],
    )


def _in_force(row: Record, day: date) -> Services:
    granted = _SERVICES[row["may_view"], row["may_show_code"], row["may_certify"], row["may_file"], row["may_pay"]]
    return granted.in_force(row["reconfirm_from"], row["view_only_from"], day)


def _owner(key: DataKey, row: Record) -> OwnerView:
    return OwnerView(
        link_id=row["link_id"],
        name=mask_name(key.open("member_slot.owner_name", row["link_id"], row["name"])),
        relationship=row["relationship"],
        state=_STATES[row["state"]],
        since=row["since"],
    )


def _quota(rule: Quota, held: Sequence[MemberView]) -> QuotaView:
    taken = [member.place for member in held]
    return QuotaView(
        profile=rule.profile,
        since=rule.since,
        total=Usage(len(taken), rule.total),
        places={place: Usage(taken.count(place), links.limit_of(rule, place)) for place in Place},
    )
