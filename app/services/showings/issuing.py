"""Issues presentation codes: for oneself in one trip to the database, for a member in two; nothing is written."""

from datetime import date
from typing import Final
from uuid import UUID

from asyncpg import Record

from app.core.clock import today
from app.core.db import Database, Session, bucket_of, hot
from app.core.errors import AppError, Conflict, NextStep, NotFound
from app.core.tokens.access import AccessClaims
from app.core.tokens.codes import NewCode, PresentationCodes, Shown
from app.models.channels import ChannelService
from app.models.links import LinkState
from app.models.showings import ShowingPurpose
from app.services import authority, policies
from app.services.accounts import sessions
from app.services.accounts.sessions import Count
from app.services.authority import Acting, LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.allowing import Standing
from app.services.cards.reading import OwnCardNeeded
from app.services.channel_registry import standing
from app.services.links import Services
from app.services.showings import rules

CHECK_PHONE: Final = NextStep("check-phone", "/v1/devices/current/phone-check")


class PhoneCheckNeeded(Conflict):
    """No code of the account's phone was ever entered on this device: whoever holds it may have a stolen password."""

    code = "phone-check-needed"
    leads_to = CHECK_PHONE


class NoCardToShow(Conflict):
    """The member has no e-card yet."""

    code = "no-card-to-show"


OWN = hot("""
SELECT s.assurance, s.expires_at, s.ended_at, s.is_phone_checked, s.person_id, s.device_id, s.channel,
       p.account_id AS proven_account_id, c.level, c.region, c.physical_status, c.activated_at, c.suspended_at,
       c.closed_at, i.issue_number, n.is_open, n.services,
       n.requests_per_minute
FROM session s
LEFT JOIN channel n ON n.name = s.channel
LEFT JOIN person p ON p.bucket = s.bucket AND p.id = s.person_id
LEFT JOIN card c ON c.bucket = s.bucket AND c.person_id = s.person_id
LEFT JOIN card_issue i ON i.bucket = s.bucket AND i.person_id = s.person_id AND i.channel = s.channel
WHERE s.bucket = $1 AND s.id = $2
""")
_OWNER = hot("""
SELECT s.assurance, s.expires_at, s.ended_at, s.is_phone_checked, s.person_id, s.device_id, s.channel,
       p.account_id AS proven_account_id, l.id AS link_id, l.member_id, l.state, l.may_show_code, l.may_pay,
       l.reconfirm_from, l.view_only_from, n.is_open, n.services, n.requests_per_minute
FROM session s
LEFT JOIN channel n ON n.name = s.channel
LEFT JOIN person p ON p.bucket = s.bucket AND p.id = s.person_id
LEFT JOIN family_link l ON l.bucket = s.bucket AND l.id = $3 AND l.owner_id = s.person_id
WHERE s.bucket = $1 AND s.id = $2
""")
_MEMBER = hot("""
SELECT m.is_frozen, c.level, c.region, c.physical_status, c.activated_at, c.suspended_at, c.closed_at
FROM member_slot m
LEFT JOIN card c ON c.bucket = m.bucket AND c.person_id = m.member_id
WHERE m.bucket = $1 AND m.member_id = $2 AND m.link_id = $3
""")


async def own(
    db: Database, codes: PresentationCodes, claims: AccessClaims, count: Count, purpose: ShowingPurpose
) -> NewCode:
    """Return a code for one's own card, good for a minute; the session is checked in the same trip.

    Raises:
        SessionEnded, TooMany, MoreProofNeeded: the session shows nothing now.
        ChannelStopped, ServiceNotInChannel: nothing is shown in its channel.
        OwnCardNeeded: there is no card.
        PhoneCheckNeeded: the device is new.
        One of `allowing.REFUSALS`: the card does not allow it.
    """
    rows = await db.fetch(OWN, bucket_of(claims.session_id), claims.session_id)
    row = sessions.readable(rows, db.clock.now(), count)
    await _require_service(db, row)
    if row["proven_account_id"] != claims.account_id or row["level"] is None:
        raise OwnCardNeeded(next_step=NextStep("own-card", "/v1/enrolments"))
    await _require_card(db, row, purpose, to_holder=True)
    _require_checked_phone(row)
    return codes.issue(purpose.value, Shown(row["person_id"], row["device_id"], row["channel"]))


async def of_member(
    db: Database,
    codes: PresentationCodes,
    claims: AccessClaims,
    count: Count,
    link_id: UUID,
    purpose: ShowingPurpose,
) -> NewCode:
    """Return a code for a member's card, which says to the terminal that it is the owner who shows it.

    Nothing is written while it is only shown; an attempt that is refused for the link's sake is, in the member's home.

    Raises:
        SessionEnded, TooMany, MoreProofNeeded: the session shows nothing now.
        ChannelStopped, ServiceNotInChannel: nothing is shown in its channel.
        NotFound: it is no link of the caller's, or is over.
        LinkFrozen, ServiceNotShared: the member does not let the owner show it.
        NoCardToShow: the member has no e-card.
        PhoneCheckNeeded: the device is new.
        One of `allowing.REFUSALS`: the card does not allow it.
    """
    rows = await db.fetch(_OWNER, bucket_of(claims.session_id), claims.session_id, link_id)
    row = sessions.readable(rows, db.clock.now(), count)
    await _require_service(db, row)
    if row["proven_account_id"] != claims.account_id or row["link_id"] is None:
        raise NotFound
    member_id = row["member_id"]
    cards = await db.fetch(_MEMBER, bucket_of(member_id), member_id, link_id)
    if not cards:  # reserved only, or over
        raise NotFound
    refusal = _refusal(row, cards[0], purpose, today(db.clock.now()))
    if refusal is not None:
        await _refuse(db, claims, link_id, purpose)
        raise refusal
    if cards[0]["level"] is None:
        raise NoCardToShow(next_step=NextStep("see-card", f"/v1/holders/{link_id}/card"))
    await _require_card(db, cards[0], purpose, to_holder=False)
    _require_checked_phone(row)
    return codes.issue(purpose.value, Shown(member_id, row["device_id"], row["channel"], link_id))


async def _require_service(db: Database, row: Record) -> None:
    if ChannelService.SHOW_CODE not in row["services"].split():
        await db.run(lambda session: standing.require_service(session, row["channel"], ChannelService.SHOW_CODE))


async def _require_card(db: Database, row: Record, purpose: ShowingPurpose, *, to_holder: bool) -> None:
    card = Standing(
        status=row["physical_status"] if row["closed_at"] is None else allowing.HOLDER_DIED,
        level=row["level"],
        is_suspended=row["suspended_at"] is not None,
        is_in_use=row["activated_at"] is not None or not to_holder,
        is_here=not to_holder or row["issue_number"] is not None,
    )
    obstacle = rules.obstacle(card, (await policies.at_hand(db, row["region"])).card_status, purpose)
    if obstacle is not None:
        raise obstacle(next_step=allowing.next_of(obstacle, row["region"], to_holder=to_holder))


def _require_checked_phone(row: Record) -> None:
    if not row["is_phone_checked"]:
        raise PhoneCheckNeeded


def _refusal(link: Record, slot: Record, purpose: ShowingPurpose, day: date) -> type[AppError] | None:
    if link["state"] != LinkState.ACTIVE or slot["is_frozen"]:
        return LinkFrozen
    granted = Services(show_code=link["may_show_code"], pay=link["may_pay"])
    in_force = granted.in_force(link["reconfirm_from"], link["view_only_from"], day)
    return None if rules.is_shared(in_force, purpose) else ServiceNotShared


async def _refuse(db: Database, claims: AccessClaims, link_id: UUID, purpose: ShowingPurpose) -> None:
    """Ask once more where all other deeds for a member are asked for: there it is written down that they tried.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared: unless it has become allowed this moment.
    """
    caller = await sessions.caller(db, claims)
    for service in rules.services_for(purpose):
        await authority.act(db, caller, link_id, service, _nothing)


async def _nothing(_: Session, __: Acting) -> None:
    """Do nothing: it was not allowed."""
