"""Cards as people look at them: one's own in a single trip, and a member's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import RowMapping, and_, select

from app.core.db import Database, Session, bucket_of, hot
from app.core.errors import Conflict, NextStep
from app.core.sealing import DataKey
from app.core.tokens.access import AccessClaims
from app.models.cards import Card, CardIssue
from app.models.people import Person
from app.ports.register import PhysicalCardStatus
from app.services import audit, policies
from app.services.accounts import sessions
from app.services.accounts.sessions import Caller, Count
from app.services.audit import Action
from app.services.cards import allowing
from app.services.cards.allowing import HOLDER_DIED, Standing, Use, refusals
from app.services.people import homes
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name
from app.services.rules.cards import CardStatus


class OwnCardNeeded(Conflict):
    """The caller has no e-card of their own."""

    code = "own-card-needed"
    leads_to = NextStep("own-card", "/v1/enrolments")


@dataclass(frozen=True, slots=True)
class CardView:
    """An e-card and what it allows; masked, unless it was revealed to its holder.

    `is_active` says that the holder has set a password; `issue_number` is the one in the caller's channel, if it was
    issued there. `refused` has each use that is not allowed now, with the code of why.
    """

    name: str = field(repr=False)
    number: str = field(repr=False)
    card_number: str = field(repr=False)
    level: int
    region: str
    physical_status: PhysicalCardStatus
    is_closed: bool
    is_active: bool
    refused: Mapping[Use, str]
    suspended_at: datetime | None
    is_suspended_by_holder: bool
    issue_number: str | None
    issued_at: datetime


OWN_CARD = hot("""
SELECT s.assurance, s.expires_at, s.ended_at, s.person_id, p.account_id AS proven_account_id, h.wrapped_key,
       p.name, p.number, c.card_number, c.level, c.region, c.physical_status, c.issued_at, c.activated_at,
       c.suspended_at, c.suspended_by, c.closed_at, c.loss_agreed_at, i.issue_number, s.channel, n.is_open,
       n.requests_per_minute
FROM session s
LEFT JOIN channel n ON n.name = s.channel
LEFT JOIN home h ON h.bucket = s.bucket AND h.id = s.person_id
LEFT JOIN person p ON p.bucket = s.bucket AND p.id = s.person_id
LEFT JOIN card c ON c.bucket = s.bucket AND c.person_id = s.person_id
LEFT JOIN card_issue i ON i.bucket = s.bucket AND i.person_id = s.person_id AND i.channel = s.channel
WHERE s.bucket = $1 AND s.id = $2
""")


async def own(db: Database, claims: AccessClaims, count: Count) -> CardView:
    """Return the caller's own card, masked, in one trip; the session is checked in it.

    Raises:
        SessionEnded, ChannelStopped, TooMany, MoreProofNeeded: the session reads nothing now.
        OwnCardNeeded: nobody has shown to be its holder, or there is no card.
    """
    rows = await db.fetch(OWN_CARD, bucket_of(claims.session_id), claims.session_id)
    row = sessions.readable(rows, db.clock.now(), count)
    if row["proven_account_id"] != claims.account_id or row["level"] is None:
        raise OwnCardNeeded
    key = db.vault.cached(row["wrapped_key"]) or await db.vault.unlock(row["wrapped_key"])
    rules = (await policies.at_hand(db, row["region"])).card_status
    return _masked(key, row["person_id"], row, rules, to_holder=True)


async def reveal_own(session: Session, caller: Caller) -> CardView:
    """Return the caller's own card whole; that it was shown is written down.

    Raises:
        OwnCardNeeded: there is none.
        One of `allowing.BY_STATUS`: the physical card's status does not allow it.
    """
    person_id = caller.person_id
    row = await _find(session, person_id, caller.channel) if person_id is not None and caller.is_proven else None
    if row is None or person_id is None:
        raise OwnCardNeeded
    await allowing.require(session, person_id, Use.VIEW, to_holder=True)
    await audit.record(session, Action.OWN_NUMBER_REVEALED, home_id=person_id, actor=caller.actor)
    rules = (await policies.current(session, row["region"])).card_status
    opened = _opened(await homes.key_of(session, person_id), person_id, row)
    return _view(person_id, row, rules, opened, to_holder=True)


async def of_member(session: Session, person_id: UUID, channel: str) -> CardView | None:
    """Return somebody's card, masked, if there is one; whether the caller may see it was asked before."""
    row = await _find(session, person_id, channel)
    if row is None:
        return None
    rules = (await policies.current(session, row["region"])).card_status
    return _masked(await homes.key_of(session, person_id), person_id, row, rules, to_holder=False)


def mask_card_number(value: str) -> str:
    """Hide the middle of a card number (aaz500): `D00****01`."""
    return f"{value[:3]}{'*' * (len(value) - 5)}{value[-2:]}" if len(value) > 5 else "*" * len(value)


async def _find(session: Session, person_id: UUID, channel: str) -> RowMapping | None:
    """Return the columns that `OWN_CARD` brings of a card."""
    statement = (
        select(
            Person.name,
            Person.number,
            Card.card_number,
            Card.level,
            Card.region,
            Card.physical_status,
            Card.issued_at,
            Card.activated_at,
            Card.suspended_at,
            Card.suspended_by,
            Card.closed_at,
            Card.loss_agreed_at,
            CardIssue.issue_number,
        )
        .join(Card, and_(Card.bucket == Person.bucket, Card.person_id == Person.id))
        .outerjoin(
            CardIssue,
            and_(CardIssue.bucket == Card.bucket, CardIssue.person_id == Card.person_id, CardIssue.channel == channel),
        )
        .where(Person.bucket == bucket_of(person_id), Person.id == person_id)
    )
    return (await session.execute(statement)).mappings().one_or_none()


def _opened(key: DataKey, person_id: UUID, row: RowMapping | Record) -> tuple[str, str, str]:
    """Return name, number and card number."""
    return (
        key.open("person.name", person_id, row["name"]),
        key.open("person.number", person_id, row["number"]),
        key.open("card.card_number", person_id, row["card_number"]),
    )


def _masked(key: DataKey, person_id: UUID, row: RowMapping | Record, rules: CardStatus, *, to_holder: bool) -> CardView:
    name, number, card_number = _opened(key, person_id, row)
    masked = mask_name(name), mask_number(number), mask_card_number(card_number)
    return _view(person_id, row, rules, masked, to_holder=to_holder)


def _view(
    person_id: UUID, row: RowMapping | Record, rules: CardStatus, opened: tuple[str, str, str], *, to_holder: bool
) -> CardView:
    name, number, card_number = opened
    status, is_active, is_closed = row["physical_status"], row["activated_at"] is not None, row["closed_at"] is not None
    standing = Standing(
        status=HOLDER_DIED if is_closed else status,
        level=row["level"],
        is_suspended=row["suspended_at"] is not None,
        is_in_use=is_active or not to_holder,
        is_here=row["issue_number"] is not None or not to_holder,
        is_loss_agreed=row["loss_agreed_at"] is not None,
    )
    return CardView(
        name=name,
        number=number,
        card_number=card_number,
        level=row["level"],
        region=row["region"],
        physical_status=PhysicalCardStatus(status),
        is_closed=is_closed,
        is_active=is_active,
        refused=refusals(standing, rules),
        suspended_at=row["suspended_at"],
        is_suspended_by_holder=row["suspended_by"] == person_id,
        issue_number=row["issue_number"],
        issued_at=row["issued_at"],
    )
