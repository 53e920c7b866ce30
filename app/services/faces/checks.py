"""Face checks as they stand: found, locked, and what the client's part of the provider needs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import select, update

from app.core.db import Database, Session, bucket_of, hot
from app.core.errors import NotFound
from app.models.faces import OPEN, FaceCheck
from app.ports import Ports
from app.ports.face import FaceProvider, FaceReason, FaceServiceUnavailable
from app.services.accounts.doers import Doer
from app.services.people import homes

_ASKING = timedelta(seconds=5)
_VERSION = hot("SELECT version FROM face_check WHERE bucket = $1 AND id = $2")


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


async def of_doer(session: Session, doer: Doer, check_id: UUID) -> FaceCheck:
    """Return a check that this doer has started, while what it is about is their account's.

    Raises:
        NotFound: it is not theirs, or another account has shown to be the person in whose home it lies.
    """
    check: FaceCheck | None = await session.get(FaceCheck, (bucket_of(check_id), check_id), populate_existing=True)
    if check is None or (check.account_id, check.handover_id) != (doer.account_id, doer.handover_id):
        raise NotFound
    if check.home_id != doer.account_id and await homes.holder(session, check.home_id) != doer.account_id:
        raise NotFound
    return check


def provider_of(ports: Ports, check: FaceCheck) -> FaceProvider:
    """Return the provider that a check is pinned to.

    Raises:
        FaceServiceUnavailable: this server has it no more.
    """
    provider = ports.faces.get(check.provider)
    if provider is None:
        raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)
    return provider


async def take(session: Session, check_id: UUID) -> datetime | None:
    """Take the asking of a check's provider for five seconds; return until when, None if it is not to be asked now.

    Who has it lets it go with the answer, or without one. Should they never come back, it lapses.
    """
    until = session.now + _ASKING
    taken: UUID | None = await session.scalar(
        update(FaceCheck)
        .where(
            FaceCheck.bucket == bucket_of(check_id),
            FaceCheck.id == check_id,
            FaceCheck.state.in_(sorted(OPEN)),
            FaceCheck.provider_ref.is_not(None),
            FaceCheck.asked_until.is_(None) | (FaceCheck.asked_until <= session.now),
        )
        .values(asked_until=until)
        .returning(FaceCheck.id)
        .execution_options(synchronize_session=False)
    )
    return None if taken is None else until


async def let_go(session: Session, check_id: UUID, until: datetime) -> None:
    """Let the asking of a check's provider go: it has given no answer, and anybody may ask again."""
    await session.execute(
        update(FaceCheck)
        .where(FaceCheck.bucket == bucket_of(check_id), FaceCheck.id == check_id, FaceCheck.asked_until == until)
        .values(asked_until=None)
        .execution_options(synchronize_session=False)
    )


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


async def ids_of(session: Session, home_id: UUID, subject_id: UUID) -> Sequence[UUID]:
    """Return every check of a subject."""
    rows = await session.scalars(
        select(FaceCheck.id).where(FaceCheck.bucket == bucket_of(home_id), FaceCheck.subject_id == subject_id)
    )
    return rows.all()


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
