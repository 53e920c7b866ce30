"""Signs staff in with two factors: a password, and a code of their authenticator app that is good once.

Unknown login, wrong password and wrong code get one answer, by the same statements and the same work. Wrong tries are
counted for a login at each place apart, and for all places together, many more: a stranger shuts nobody out elsewhere,
and with many addresses nobody out of a place that they have signed in from before.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from app.core import logging
from app.core.db import Database, Session, new_id
from app.core.errors import Denied, Locked
from app.core.passwords import Passwords
from app.models.audit import ActorKind
from app.models.operators import Operator, StaffSession
from app.services import audit, policies, throttles
from app.services.audit import Action, Actor
from app.services.operators import registering, sessions, totp
from app.services.operators.sessions import NewToken, Staff
from app.services.throttles import Counter, Limit

_NOBODYS_SECRET = bytes(20)
_PLACES_KNOWN = timedelta(days=30)
_PLACES_COUNTED: Final = 20  # so many places' tries has a login in all; the password alone has 99 bits

_log = logging.logger(__name__)


class StaffCredentialsWrong(Denied):
    """Login, password and code do not belong together, or the code was used; which of them is not said."""

    code = "staff-credentials-wrong"


class StaffSignInPaused(Locked):
    """Too many wrong sign-ins for this login from here, or from many places that it has not been used at."""

    code = "staff-sign-in-paused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody gives to sign in, and from which network address (of IPv6, the network of a line)."""

    login: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has begun: its token lives until it is over, or not used for a while."""

    staff: Staff
    session_id: UUID
    token: str = field(repr=False)
    expires_in: int
    idle_seconds: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What an attempt is checked against; a secret that is nobody's where nobody has the login."""

    operator_id: UUID | None
    password_hash: str | None = field(repr=False)
    secret: bytes = field(repr=False)
    bucket: int
    counters: tuple[Counter, ...]
    left: int


@dataclass(frozen=True, slots=True)
class _Proof:
    """The step of the code, and the hash to keep instead when the right password is kept under another suite."""

    step: int
    renewed: str | None = field(repr=False)


async def sign_in(db: Database, passwords: Passwords, attempt: Attempt) -> SignedIn:
    """Sign one of the staff in.

    Raises:
        StaffCredentialsWrong: with the tries left.
        StaffSignInPaused: too many wrong ones.
        Busy: too many are waiting; that is no try.
    """
    candidate = await db.run(lambda session: _candidate(session, attempt))
    try:
        is_right = await passwords.verify(candidate.password_hash, attempt.password)
        renewed = await passwords.renewed(candidate.password_hash, attempt.password) if is_right else None
    except BaseException:
        await db.run(lambda session: _give_back(session, candidate))
        raise
    step = totp.step_of(candidate.secret, attempt.code, db.clock.now())
    if is_right and step is not None and candidate.operator_id is not None:
        token = sessions.new_token(new_id(candidate.bucket))
        signed_in = await db.run(lambda session: _begin(session, candidate, attempt, _Proof(step, renewed), token))
        if signed_in is not None:
            return signed_in
    _log.warning("staff_sign_in_refused", operator_id=str(candidate.operator_id))
    raise StaffCredentialsWrong(tries_left=candidate.left)


async def _candidate(session: Session, attempt: Attempt) -> _Candidate:
    """Book a try and return what to check against; the same statements whether or not anybody has the login."""
    rules = (await policies.current(session)).staff
    bucket = registering.bucket_of_login(session, attempt.login)
    operator: Operator | None = await session.scalar(
        select(Operator).where(Operator.bucket == bucket, Operator.login == attempt.login)
    )
    sought = operator.id if operator is not None else new_id(bucket)
    is_known_place = await session.scalar(
        select(StaffSession.id)
        .where(
            StaffSession.bucket == bucket,
            StaffSession.operator_id == sought,
            StaffSession.address_hmac.in_(session.lookup.digests("staff-address", attempt.address)),
            StaffSession.started_at > session.now - _PLACES_KNOWN,
        )
        .limit(1)
    )
    window = timedelta(minutes=rules.tries_minutes)
    here, anywhere = [
        Counter(Limit("staff_sign_in", times, window), bucket, session.lookup.digest("staff-sign-in", whose))
        for times, whose in (
            (rules.tries, f"{attempt.login}:{attempt.address}"),
            (rules.tries * _PLACES_COUNTED, attempt.login),
        )
    ]
    used = await throttles.use(session, here)
    if not used.is_allowed:
        raise StaffSignInPaused(retry_after_seconds=used.wait_seconds(session.now))
    used_anywhere = await throttles.use(session, anywhere)
    if not used_anywhere.is_allowed and is_known_place is None:
        raise StaffSignInPaused(retry_after_seconds=used_anywhere.wait_seconds(session.now))
    secret = None if operator is None else registering.secret_of(session, operator)
    return _Candidate(
        operator_id=None if operator is None else operator.id,
        password_hash=None if operator is None else operator.password_hash,
        secret=secret or _NOBODYS_SECRET,
        bucket=bucket,
        counters=(here, anywhere) if used_anywhere.is_allowed else (here,),
        left=rules.tries - used.used,
    )


async def _give_back(session: Session, candidate: _Candidate) -> None:
    for counter in candidate.counters:
        await throttles.give_back(session, counter)


async def _begin(
    session: Session, candidate: _Candidate, attempt: Attempt, proof: _Proof, token: NewToken
) -> SignedIn | None:
    """Use the code up and begin the session; None when the code was used, or the operator removed meanwhile."""
    rules = (await policies.current(session)).staff
    bucket, lasts = candidate.bucket, timedelta(hours=rules.session_hours)
    operator = await session.get_one(Operator, (bucket, candidate.operator_id))
    if await session.get(StaffSession, (bucket, token.session_id)) is None:  # else the commit was not heard
        taken = await session.scalar(
            update(Operator)
            .where(
                Operator.bucket == bucket,
                Operator.id == candidate.operator_id,
                Operator.totp_step < proof.step,
                Operator.password_hash == candidate.password_hash,
            )
            .values(totp_step=proof.step, password_hash=proof.renewed or candidate.password_hash)
            .returning(Operator.id)
            .execution_options(synchronize_session=False)
        )
        if taken is None:
            return None
        await _give_back(session, candidate)
        session.add(
            StaffSession(
                bucket=bucket,
                id=token.session_id,
                operator_id=operator.id,
                token_digest=token.digest,
                address_hmac=session.lookup.digest("staff-address", attempt.address),
                started_at=session.now,
                last_used_at=session.now,
                expires_at=session.now + lasts,
            )
        )
        await _record(session, operator.id, token)
    return SignedIn(
        staff=await sessions.staff_of(session, operator),
        session_id=token.session_id,
        token=token.token,
        expires_in=int(lasts.total_seconds()),
        idle_seconds=rules.idle_minutes * 60,
    )


async def _record(session: Session, operator_id: UUID, token: NewToken) -> None:
    await audit.record(
        session,
        Action.STAFF_SIGNED_IN,
        home_id=operator_id,
        actor=Actor(ActorKind.OPERATOR, operator_id),
        facts={"session_id": str(token.session_id)},
    )
