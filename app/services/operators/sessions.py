"""Sessions of staff: short, idle for a quarter of an hour at most, ended by anybody who removes the operator."""

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.errors import Denied, NextStep, Unauthenticated
from app.core.tokens.access import TokenRefused
from app.models.audit import ActorKind
from app.models.operators import Office, OfficeKind, Operator, OperatorRole, StaffSession
from app.services import audit, policies
from app.services.audit import Action, Actor

SIGN_IN: Final = NextStep("sign-in", "/v1/staff/sessions")
_SECRET_BYTES: Final = 32
_NOTED_EVERY: Final = timedelta(seconds=30)


class StaffSessionEnded(Unauthenticated):
    """The session of one of the staff was ended, was not used for a while, or is over."""

    code = "staff-session-ended"
    challenge = 'Bearer error="invalid_token"'
    leads_to = SIGN_IN


class RoleNeeded(Denied):
    """This is for others of the staff."""

    code = "role-needed"


@dataclass(frozen=True, slots=True)
class Staff:
    """One of the staff, as they stand now; `region` is what their office serves."""

    id: UUID
    login: str
    role: OperatorRole
    office_id: str
    office_kind: OfficeKind
    region: str
    person_id: UUID | None

    @property
    def actor(self) -> Actor:
        """Them as audit events name them."""
        return Actor(ActorKind.OPERATOR, self.id)


@dataclass(frozen=True, slots=True)
class StaffCaller:
    """Who of the staff a request comes from."""

    staff: Staff
    session_id: UUID


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token before its session is written down: which session, the token itself, and what is kept of it."""

    session_id: UUID
    token: str = field(repr=False)
    digest: bytes = field(repr=False)


def new_token(session_id: UUID) -> NewToken:
    """Make a token: the session's id and 256 random bits; a database tells nobody what it was."""
    raw = session_id.bytes + os.urandom(_SECRET_BYTES)
    return NewToken(session_id, urlsafe_b64encode(raw).decode(), _digest(raw))


async def caller(session: Session, token: str) -> StaffCaller:
    """Return who holds this token, and note that the session is in use.

    Raises:
        TokenRefused: it is none of ours.
        StaffSessionEnded: the session was ended, idle for too long (15 minutes), or is over (8 hours, by policy).
    """
    try:
        raw = urlsafe_b64decode(token)
    except ValueError as error:
        raise TokenRefused(next_step=SIGN_IN) from error
    if len(raw) != 16 + _SECRET_BYTES:
        raise TokenRefused(next_step=SIGN_IN)
    session_id = UUID(bytes=raw[:16])
    held = await session.get(StaffSession, (bucket_of(session_id), session_id))
    if held is None or not hmac.compare_digest(held.token_digest, _digest(raw)):
        raise TokenRefused(next_step=SIGN_IN)
    idle = timedelta(minutes=(await policies.current(session)).staff.idle_minutes)
    if held.ended_at is not None or session.now >= min(held.expires_at, held.last_used_at + idle):
        raise StaffSessionEnded
    if session.now - held.last_used_at >= _NOTED_EVERY:
        held.last_used_at = session.now
    operator = await session.get_one(Operator, (held.bucket, held.operator_id))
    return StaffCaller(await staff_of(session, operator), held.id)


async def staff_of(session: Session, operator: Operator) -> Staff:
    """Return somebody as they stand now."""
    office = await session.get_one(Office, operator.office_id)
    return Staff(
        id=operator.id,
        login=operator.login,
        role=operator.role,
        office_id=office.id,
        office_kind=office.kind,
        region=office.region,
        person_id=operator.person_id,
    )


async def require_going_on(session: Session, caller: StaffCaller) -> None:
    """Lock the caller's session, so that it ends before or after what they do, never meanwhile.

    Raises:
        StaffSessionEnded: it was ended since the request came.
    """
    held = await session.get_one(
        StaffSession, (bucket_of(caller.session_id), caller.session_id), with_for_update=True, populate_existing=True
    )
    if held.ended_at is not None:
        raise StaffSessionEnded


async def end(session: Session, caller: StaffCaller) -> None:
    """End the session that is in use."""
    held = await session.get_one(
        StaffSession, (bucket_of(caller.session_id), caller.session_id), with_for_update=True, populate_existing=True
    )
    if held.ended_at is None:
        held.ended_at = session.now
        await _record(session, held, caller.staff.actor)


async def end_all(session: Session, operator: Operator) -> None:
    """End every session of somebody."""
    rows = await session.scalars(
        select(StaffSession)
        .where(
            StaffSession.bucket == operator.bucket,
            StaffSession.operator_id == operator.id,
            StaffSession.ended_at.is_(None),
        )
        .order_by(StaffSession.id)
        .with_for_update()
    )
    for held in rows:
        held.ended_at = session.now
        await _record(session, held, audit.SYSTEM)


async def _record(session: Session, held: StaffSession, actor: Actor) -> None:
    await audit.record(
        session,
        Action.STAFF_SIGNED_OUT,
        home_id=held.operator_id,
        actor=actor,
        facts={"session_id": str(held.id)},
    )


def _digest(raw: bytes) -> bytes:
    """Return what is kept of a token; 256 random bits need neither salt nor key."""
    return hashlib.sha256(raw).digest()
