"""Sessions: started, and who a request comes from."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record
from sqlalchemy import update

from app.core.db import Database, Session, bucket_of, hot, new_id
from app.core.errors import NextStep, Unauthenticated
from app.core.tokens.access import ACCESS_LIFETIME, AccessClaims, AccessTokens
from app.core.tokens.handovers import HandoverTokens
from app.core.tokens.refresh import RefreshTokens
from app.models.accounts import Account, Assurance, Device, SignedIn
from app.models.audit import ActorKind
from app.services import audit
from app.services.audit import Action, Actor
from app.services.channel_registry import standing
from app.services.channel_registry.standing import ChannelStopped
from app.services.people import homes

REFRESH_LIFETIME = timedelta(days=30)
IDLE_LIFETIME = timedelta(days=7)
SIGN_IN = NextStep("sign-in", "/v1/sessions")


class SessionEnded(Unauthenticated):
    """The session was ended, or is over."""

    code = "session-ended"
    challenge = 'Bearer error="invalid_token"'
    leads_to = SIGN_IN


class MoreProofNeeded(Unauthenticated):
    """An SMS code on a new device reads nothing: a password or a face has to be added."""

    code = "more-proof-needed"
    challenge = (
        'Bearer error="insufficient_user_authentication", '
        'acr_values="urn:escard:acr:account-password urn:escard:acr:card-password"'
    )
    leads_to = NextStep("sign-in-by-password", "/v1/sessions")


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as its client describes it."""

    id: str = field(repr=False)
    name: str = field(repr=False)
    platform: str


@dataclass(frozen=True, slots=True)
class Mint:
    """What makes and reads tokens."""

    access: AccessTokens
    refresh: RefreshTokens
    handovers: HandoverTokens


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client holds: access for ten minutes, refresh for thirty days (seven when idle)."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_expires_in: int
    session_id: UUID


Count = Callable[[str, int | None], None]
"""Counts a request in a channel that takes so many a minute together, if it says; one too many raises `TooMany`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from, as the session stands now; nothing of it is taken from the token alone.

    `person_id` is whom the account says it is; only `is_proven` means that a face has shown it. `claims` are the
    token's, for step-up. `channel_services` are the words of what may be done in the channel, and how much may be asked
    for in it stands beside them.
    """

    session_id: UUID
    account_id: UUID
    home_id: UUID
    person_id: UUID | None
    device_id: UUID
    channel: str
    channel_services: str
    channel_requests_per_minute: int | None
    platform: str
    assurance: Assurance
    is_proven: bool
    card_password_version: int | None
    claims: AccessClaims

    @property
    def actor(self) -> Actor:
        """The caller as audit events name them."""
        if self.is_proven:
            return Actor(ActorKind.PERSON, self.person_id, self.channel, self.platform)
        return Actor(ActorKind.ACCOUNT, self.account_id, self.channel, self.platform)


_CALLER = hot("""
SELECT s.home_id, s.person_id, s.device_id, s.channel, s.platform, s.assurance, s.expires_at, s.ended_at,
       p.account_id AS proven_account_id, w.version AS card_password_version, n.is_open, n.services,
       n.requests_per_minute
FROM session s
LEFT JOIN channel n ON n.name = s.channel
LEFT JOIN person p ON p.bucket = s.bucket AND p.id = s.person_id
LEFT JOIN card_password w ON w.bucket = s.bucket AND w.person_id = s.person_id
WHERE s.bucket = $1 AND s.id = $2
""")


async def caller(db: Database, claims: AccessClaims) -> Caller:
    """Return who holds this access token, in one trip.

    Raises:
        SessionEnded: the session was ended or is over.
        ChannelStopped: the channel that it was started in is not open.
    """
    rows = await db.fetch(_CALLER, bucket_of(claims.session_id), claims.session_id)
    row = _in_force(rows, db.clock.now())
    return Caller(
        session_id=claims.session_id,
        account_id=claims.account_id,
        home_id=row["home_id"],
        person_id=row["person_id"],
        device_id=row["device_id"],
        channel=row["channel"],
        channel_services=row["services"],
        channel_requests_per_minute=row["requests_per_minute"],
        platform=row["platform"],
        assurance=Assurance(row["assurance"]),
        is_proven=row["proven_account_id"] == claims.account_id,
        card_password_version=row["card_password_version"],
        claims=claims,
    )


def readable(rows: Sequence[Record], now: datetime, count: Count) -> Record:
    """Return the first row of a hot read that joins `session`, if its caller may read; it counts in their channel.

    The row has `assurance`, `expires_at`, `ended_at`, `channel` and, of that, `is_open` and `requests_per_minute`.

    Raises:
        SessionEnded: the session was ended or is over.
        ChannelStopped: the channel that it was started in is not open.
        TooMany: its users have asked for all that they may together.
        MoreProofNeeded: its holder has shown no more than a phone.
    """
    row = _in_force(rows, now)
    count(row["channel"], row["requests_per_minute"])
    if row["assurance"] != Assurance.FULL:
        raise MoreProofNeeded
    return row


def count_nothing(_: str, __: int | None) -> None:
    """Count no request: it was counted when its caller was looked up."""


async def start(
    session: Session, account: Account, device: Device, info: DeviceInfo, *, assurance: Assurance, channel: str
) -> SignedIn:
    """Start a session where the account lives now: with its person, or with itself.

    Raises:
        ChannelStopped: there is no such channel, or it is not open.
    """
    await standing.require_open(session, channel)
    if account.person_id is not None and await homes.is_erased(session, account.person_id):
        account.person_id = None  # whom it has named has closed another account of theirs since
    home_id = account.person_id or account.id
    key = await homes.key_of(session, home_id)
    session_id = new_id(bucket_of(home_id))
    signed_in = SignedIn(
        bucket=bucket_of(home_id),
        id=session_id,
        home_id=home_id,
        account_id=account.id,
        person_id=account.person_id,
        device_id=device.id,
        device_name=key.seal("session.device_name", session_id, info.name),
        platform=device.platform,
        channel=channel,
        assurance=assurance,
        is_phone_checked=device.phone_checked_at is not None,
        seed=os.urandom(16),
        generation=0,
        rotated_at=session.now,
        created_at=session.now,
        last_used_at=session.now,
        expires_at=session.now + min(IDLE_LIFETIME, REFRESH_LIFETIME),
    )
    session.add(signed_in)
    await audit.record(
        session,
        Action.SESSION_STARTED,
        home_id=home_id,
        actor=Actor(ActorKind.ACCOUNT, account.id),
        facts={"session_id": str(session_id), "assurance": assurance.value, "channel": channel},
    )
    return signed_in


def tokens(mint: Mint, signed_in: SignedIn, now: datetime) -> Tokens:
    """Make the tokens of a session's present generation; made again they are worth the same."""
    acr = Assurance.SMS.value if signed_in.assurance is Assurance.SMS else None  # for the client: we ask the session
    return Tokens(
        access_token=mint.access.sign(AccessClaims(signed_in.id, signed_in.account_id, acr)),
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=mint.refresh.make(signed_in.id, signed_in.generation, signed_in.seed),
        refresh_expires_in=int((signed_in.expires_at - now).total_seconds()),
        session_id=signed_in.id,
    )


async def living(session: Session, session_id: UUID) -> SignedIn:
    """Return a session that has not ended.

    Raises:
        SessionEnded: it has, or there is none.
    """
    signed_in = await session.get(SignedIn, (bucket_of(session_id), session_id))
    if signed_in is None or signed_in.ended_at is not None or signed_in.expires_at <= session.now:
        raise SessionEnded
    return signed_in


async def raise_assurance(session: Session, caller: Caller) -> None:
    """Remember that the session's holder has shown more than a phone."""
    await session.execute(
        update(SignedIn)
        .where(SignedIn.bucket == bucket_of(caller.session_id), SignedIn.id == caller.session_id)
        .values(assurance=Assurance.FULL)
    )
    await session.execute(
        update(Device)
        .where(Device.bucket == bucket_of(caller.device_id), Device.id == caller.device_id)
        .values(is_trusted=True)
    )


async def locked(session: Session, session_id: UUID) -> SignedIn | None:
    """Return a session that may have ended, locked."""
    row: SignedIn | None = await session.get(
        SignedIn, (bucket_of(session_id), session_id), with_for_update=True, populate_existing=True
    )
    return row


def _in_force(rows: Sequence[Record], now: datetime) -> Record:
    if not rows or rows[0]["ended_at"] is not None or rows[0]["expires_at"] <= now:
        raise SessionEnded
    if not rows[0]["is_open"]:
        raise ChannelStopped
    return rows[0]
