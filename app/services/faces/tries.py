"""Tries that count, and how many checks may be started."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import TooMany
from app.models.faces import FaceCheck, FaceTry
from app.services import policies, throttles
from app.services.throttles import Counter, Limit


class FaceStartsUsed(TooMany):
    """More checks were started today than anybody needs."""

    code = "face-starts-used"


async def left(session: Session, home_id: UUID, member_id: UUID) -> int:
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


async def count(session: Session, check: FaceCheck) -> None:
    """Write a failed try down, for the (owner, member) and for the member; both homes are locked."""
    for home_id in {check.home_id, check.member_id}:
        await session.execute(
            insert(FaceTry)
            .values(
                bucket=bucket_of(home_id), home_id=home_id, member_id=check.member_id, check_id=check.id, at=session.now
            )
            .on_conflict_do_nothing()
        )


async def forgive(session: Session, home_id: UUID, member_id: UUID) -> None:
    """Give an (owner, member) all tries anew, because people ask for another; what the member's home counts stays."""
    await session.execute(
        delete(FaceTry).where(
            FaceTry.bucket == bucket_of(home_id), FaceTry.home_id == home_id, FaceTry.member_id == member_id
        )
    )


async def count_start(session: Session, home_id: UUID, device_id: UUID, member_id: UUID) -> None:
    """Count the start of a check for the owner, the device and the member.

    Raises:
        FaceStartsUsed: one of them has had as many as anybody needs in a day.
    """
    for counter in await _starts(session, home_id, device_id, member_id):
        used = await throttles.use(session, counter)
        if not used.is_allowed:
            raise FaceStartsUsed(
                retry_after_seconds=used.wait_seconds(session.now), quota=counter.limit.times, window_seconds=86400
            )


async def give_back_start(session: Session, home_id: UUID, device_id: UUID, member_id: UUID) -> None:
    """Take the start of a check back: it was none."""
    for counter in await _starts(session, home_id, device_id, member_id):
        await throttles.give_back(session, counter)


async def book_cost(provider: str, session: Session) -> bool:
    """Book the price of one check with a provider; say whether the day's money allows it."""
    spend = (await policies.current(session)).face_providers.spend.get(provider)
    return spend is None or (await throttles.use(session, _cost(provider, spend.checks_a_day))).is_allowed


async def give_back_cost(provider: str, session: Session) -> None:
    """Take a booked price back: the provider charges nothing for the check."""
    if provider in (await policies.current(session)).face_providers.spend:
        await throttles.give_back(session, _cost(provider, 0))


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


async def _starts(session: Session, home_id: UUID, device_id: UUID, member_id: UUID) -> list[Counter]:
    rules = (await policies.current(session)).faces
    return [
        _a_day("face_starts", rules.starts_a_day, home_id),
        _a_day("face_starts_on_device", rules.starts_on_device_a_day, device_id),
        _a_day("face_starts_at_member", rules.starts_at_member_a_day, member_id),
    ]


def _a_day(action: str, times: int, subject: UUID) -> Counter:
    return Counter(Limit(action, times, timedelta(days=1)), bucket_of(subject), subject.bytes)


def _cost(provider: str, times: int) -> Counter:
    subject = hashlib.sha256(provider.encode()).digest()
    return Counter(Limit("face_cost", times, timedelta(days=1)), int.from_bytes(subject[:2]), subject)
