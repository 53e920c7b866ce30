"""Face checks: begun, told to a provider, brought to their one end; and the tries that count."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert

from app.core import logging
from app.core.db import Database, Session, bucket_of, hot, new_id
from app.core.errors import Conflict, NotFound, TooMany, Unavailable
from app.models.faces import OPEN, FaceCheck, FaceCheckState, FacePurpose, FaceTry
from app.ports.face import COUNTED, FaceDecision, FaceMode, FaceReason, FaceResult, FaceStart
from app.services import audit, outbox, policies, throttles
from app.services.audit import Action, Actor
from app.services.people import homes
from app.services.throttles import Counter, Limit

_ENDS = {
    FaceDecision.PASSED: FaceCheckState.PASSED,
    FaceDecision.FAILED: FaceCheckState.FAILED,
    FaceDecision.ERROR: FaceCheckState.FAILED,
    FaceDecision.CANCELLED: FaceCheckState.CANCELLED,
    FaceDecision.EXPIRED: FaceCheckState.EXPIRED,
    FaceDecision.PENDING: FaceCheckState.PROCESSING,
}
_ASK_AGAIN = timedelta(seconds=3)
_VERSION = hot("SELECT version FROM face_check WHERE bucket = $1 AND id = $2")
_log = logging.logger(__name__)


class FaceTriesUsed(Conflict):
    """Three tries for this person have failed within 24 hours; people can look instead."""

    code = "face-tries-used"


class FaceStartsUsed(TooMany):
    """More checks were started today than anybody needs."""

    code = "face-starts-used"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new check is about: whose face decides what, in which home it was asked for, by whom."""

    purpose: FacePurpose
    subject_id: UUID
    home_id: UUID
    account_id: UUID
    member_id: UUID
    mode: FaceMode
    provider: str
    unit_id: UUID
    photo_hmac: bytes | None = field(default=None, repr=False)


async def tries_left(session: Session, home_id: UUID, member_id: UUID) -> int:
    """Return how many more tries may fail for this (owner, member) within 24 hours."""
    rules = (await policies.current(session)).faces
    since = session.now - timedelta(hours=rules.tries_hours)
    # A member's own home holds everybody's tries at them; checks of their own are those whose row lies there too.
    is_own = (FaceCheck.bucket == FaceTry.bucket) & (FaceCheck.id == FaceTry.check_id) & (FaceCheck.home_id == home_id)
    tries = await session.scalar(_tries(home_id, member_id, since).join(FaceCheck, is_own))
    return max(0, rules.tries - (tries or 0))


async def is_member_tried_much(session: Session, member_id: UUID) -> bool:
    """Say whether, from all sides, this member's face was tried so often today that people must look."""
    rules = (await policies.current(session)).faces
    tries = await session.scalar(_tries(member_id, member_id, session.now - timedelta(days=1)))
    return (tries or 0) > rules.tries_at_member_a_day


async def begin(session: Session, opening: Opening, actor: Actor) -> FaceCheck:
    """Write down a check before the provider hears of it; the same unit of work finds its own again.

    A check that is still open for the same subject is given up: the person has started anew.

    Raises:
        FaceTriesUsed: no try is left.
        FaceStartsUsed: too many were started today.
    """
    known = await of_unit(session, opening.home_id, opening.unit_id)
    if known is not None:
        return known
    rules = (await policies.current(session)).faces
    if await tries_left(session, opening.home_id, opening.member_id) == 0:
        raise FaceTriesUsed
    await _count_start(session, opening.home_id, rules.starts_a_day)
    for older in await open_of(session, opening.home_id, opening.subject_id):
        await end(session, older, FaceCheckState.CANCELLED, FaceReason.USER_CANCELLED, actor)
    await session.flush()
    check = _opened(opening, session.now, session.now + timedelta(minutes=rules.check_minutes))
    session.add(check)
    await audit.record(
        session,
        Action.FACE_STARTED,
        home_id=opening.home_id,
        actor=actor,
        on_behalf_of=opening.member_id,
        facts={"check_id": str(check.id), "mode": opening.mode.value, "provider": opening.provider},
    )
    await session.flush()
    return check


async def started(session: Session, check_id: UUID, start: FaceStart) -> FaceCheck:
    """Remember what the provider answered to the start; one that was given up meanwhile it is told of."""
    check = await locked(session, check_id)
    if check.advance(FaceCheckState.STARTED):
        key = await homes.key_of(session, check.home_id)
        check.provider_ref = start.provider_ref
        check.client = key.seal_bytes("face_check.client", check.id, orjson.dumps(dict(start.client)))
    elif check.provider_ref is None:
        check.provider_ref = start.provider_ref
        outbox.tell(session, outbox.Kind.FACE_GIVEN_UP, check.home_id, check_id=str(check.id))
    return check


def tell_not_started(check_id: UUID, error: Unavailable) -> None:
    """Write into the log what kept a provider from starting a check: the kind of fault, nothing it said."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    _log.warning("face_check_not_started", check_id=str(check_id), faults=[type(each).__name__ for each in causes])


async def not_started(session: Session, check_id: UUID, actor: Actor) -> None:
    """End a check that its provider could not start; the start is given back, nothing counts against the person."""
    check = await locked(session, check_id)
    await throttles.give_back(session, _starts(check.home_id, (await policies.current(session)).faces.starts_a_day))
    await end(session, check, FaceCheckState.CANCELLED, FaceReason.PROVIDER_BUSY, actor)


async def apply(session: Session, check: FaceCheck, result: FaceResult, actor: Actor) -> bool:
    """Bring what the provider says into a locked check; say whether it has ended now, for the first time.

    What has ended never moves again, whatever comes late, twice or out of order.
    """
    to = _ENDS[result.decision]
    if to is FaceCheckState.PROCESSING:
        check.advance(to)
        check.due_at = min(check.expires_at, session.now + _ASK_AGAIN) if check.state in OPEN else None
        return False
    if check.state not in OPEN:
        return False
    check.provider_code = result.provider_code
    check.score_band = result.match.score_band.value if result.match.score_band else None
    await end(session, check, to, result.reason, actor)
    if result.reason in COUNTED and to is FaceCheckState.FAILED:
        await _count(session, check)
    return True


async def end(session: Session, check: FaceCheck, to: FaceCheckState, reason: FaceReason, actor: Actor) -> None:
    """End an open check."""
    if not check.advance(to):
        return
    check.reason, check.ended_at, check.due_at, check.client = reason, session.now, None, None
    if to in (FaceCheckState.CANCELLED, FaceCheckState.EXPIRED) and check.provider_ref is not None:
        outbox.tell(session, outbox.Kind.FACE_GIVEN_UP, check.home_id, check_id=str(check.id))
    await audit.record(
        session,
        Action.FACE_ENDED,
        home_id=check.home_id,
        actor=actor,
        on_behalf_of=check.member_id,
        facts={"check_id": str(check.id), "state": to.value, "reason": reason.value},
    )


async def give_up_open(session: Session, home_id: UUID, subject_id: UUID, actor: Actor) -> None:
    """End what is still open for a subject that was undone."""
    for check in await open_of(session, home_id, subject_id):
        await end(session, check, FaceCheckState.CANCELLED, FaceReason.USER_CANCELLED, actor)


async def locked(session: Session, check_id: UUID) -> FaceCheck:
    """Return a check, locked.

    Raises:
        NotFound: there is none.
    """
    check: FaceCheck | None = await session.get(
        FaceCheck, (bucket_of(check_id), check_id), with_for_update=True, populate_existing=True
    )
    if check is None:
        raise NotFound
    return check


async def of_unit(session: Session, home_id: UUID, unit_id: UUID) -> FaceCheck | None:
    """Return the check that a unit of work has begun."""
    check: FaceCheck | None = await session.scalar(
        select(FaceCheck).where(FaceCheck.bucket == bucket_of(home_id), FaceCheck.unit_id == unit_id)
    )
    return check


async def version(db: Database, check_id: UUID) -> int | None:
    """Return a check's version in one trip, without a lock: for those who wait for it to change."""
    rows = await db.fetch(_VERSION, bucket_of(check_id), check_id)
    return rows[0]["version"] if rows else None


async def newest(session: Session, home_id: UUID, subject_id: UUID) -> FaceCheck | None:
    """Return the check that was started last for a subject."""
    check: FaceCheck | None = await session.scalar(
        select(FaceCheck)
        .where(FaceCheck.bucket == bucket_of(home_id), FaceCheck.subject_id == subject_id)
        .order_by(FaceCheck.started_at.desc())
        .limit(1)
    )
    return check


async def client_part(session: Session, check: FaceCheck) -> dict[str, str]:
    """Return what the client's part of the provider needs; nothing once the check has ended."""
    if check.client is None:
        return {}
    key = await homes.key_of(session, check.home_id)
    part: dict[str, str] = orjson.loads(key.open_bytes("face_check.client", check.id, check.client))
    return part


async def open_of(session: Session, home_id: UUID, subject_id: UUID) -> Sequence[FaceCheck]:
    """Return the checks under way for a subject, locked."""
    rows = await session.scalars(
        select(FaceCheck)
        .where(
            FaceCheck.bucket == bucket_of(home_id),
            FaceCheck.subject_id == subject_id,
            FaceCheck.state.in_(sorted(OPEN)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def _count(session: Session, check: FaceCheck) -> None:
    """Write a failed try down, for the (owner, member) and for the member; both homes are locked."""
    for home_id in {check.home_id, check.member_id}:
        await session.execute(
            insert(FaceTry)
            .values(
                bucket=bucket_of(home_id), home_id=home_id, member_id=check.member_id, check_id=check.id, at=session.now
            )
            .on_conflict_do_nothing()
        )


def _tries(home_id: UUID, member_id: UUID, since: datetime) -> Select[int]:
    return (
        select(func.count())
        .select_from(FaceTry)
        .where(
            FaceTry.bucket == bucket_of(home_id),
            FaceTry.home_id == home_id,
            FaceTry.member_id == member_id,
            FaceTry.at > since,
        )
    )


def _opened(opening: Opening, now: datetime, expires_at: datetime) -> FaceCheck:
    bucket = bucket_of(opening.home_id)
    return FaceCheck(
        bucket=bucket,
        id=new_id(bucket),
        home_id=opening.home_id,
        account_id=opening.account_id,
        purpose=opening.purpose,
        subject_id=opening.subject_id,
        member_id=opening.member_id,
        unit_id=opening.unit_id,
        mode=opening.mode,
        provider=opening.provider,
        state=FaceCheckState.STARTING,
        photo_hmac=opening.photo_hmac,
        version=1,
        started_at=now,
        expires_at=expires_at,
        due_at=expires_at,
    )


async def _count_start(session: Session, home_id: UUID, a_day: int) -> None:
    used = await throttles.use(session, _starts(home_id, a_day))
    if not used.is_allowed:
        raise FaceStartsUsed(retry_after_seconds=used.wait_seconds(session.now), quota=a_day, window_seconds=86400)


def _starts(home_id: UUID, a_day: int) -> Counter:
    return Counter(Limit("face_starts", a_day, timedelta(days=1)), bucket_of(home_id), home_id.bytes)
