"""Tries that count, and how many checks may be started."""

import hashlib
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of
from app.core.errors import TooMany
from app.models.faces import FaceCheck, FaceTry
from app.services import policies, throttles
from app.services.rules.faces import Faces
from app.services.throttles import Counter, Limit, Use


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

    Past the member's limit everybody still has as many at them as may fail, and a check of one's own face is not
    counted at oneself: strangers, however many, keep nobody from it.

    Raises:
        FaceStartsUsed: owner or device has had as many as anybody needs in a day, or more were started at the member
            and some by this owner.
    """
    rules = (await policies.current(session)).faces
    for counter in _by_starter(rules, home_id, device_id):
        _require(await throttles.use(session, counter), counter, session.now)
    for of_owner, of_all in _at_member(rules, home_id, member_id):
        mine, everybodys = await throttles.use(session, of_owner), await throttles.use(session, of_all)
        if mine.used > rules.tries:
            _require(everybodys, of_all, session.now)


async def give_back_start(session: Session, home_id: UUID, device_id: UUID, member_id: UUID) -> None:
    """Take the start of a check back: it was none."""
    rules = (await policies.current(session)).faces
    at_member = chain.from_iterable(_at_member(rules, home_id, member_id))
    for counter in (*_by_starter(rules, home_id, device_id), *at_member):
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


def _by_starter(rules: Faces, home_id: UUID, device_id: UUID) -> tuple[Counter, Counter]:
    return (
        _a_day("face_starts", rules.starts_a_day, home_id),
        _a_day("face_starts_on_device", rules.starts_on_device_a_day, device_id),
    )


def _at_member(rules: Faces, home_id: UUID, member_id: UUID) -> list[tuple[Counter, Counter]]:
    """Return where starts at a member are counted, those of one owner and everybody's; nowhere if it is oneself."""
    if home_id == member_id:
        return []
    of_owner = _a_day("face_starts_of_owner_at_member", rules.starts_a_day, home_id, member_id)
    return [(of_owner, _a_day("face_starts_at_member", rules.starts_at_member_a_day, member_id))]


def _a_day(action: str, times: int, first: UUID, *more: UUID) -> Counter:
    subject = b"".join(each.bytes for each in (first, *more))
    return Counter(Limit(action, times, timedelta(days=1)), bucket_of(first), subject)


def _require(use: Use, counter: Counter, now: datetime) -> None:
    if not use.is_allowed:
        raise FaceStartsUsed(retry_after_seconds=use.wait_seconds(now), quota=counter.limit.times, window_seconds=86400)


def _cost(provider: str, times: int) -> Counter:
    subject = hashlib.sha256(provider.encode()).digest()
    return Counter(Limit("face_cost", times, timedelta(days=1)), int.from_bytes(subject[:2]), subject)
