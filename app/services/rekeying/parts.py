"""The parts of a job: begun, taken for some seconds, moved on by who has taken them, finished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session
from app.models.rekeying import RekeyJob, RekeyPart

LEASE: Final = timedelta(seconds=20)

Targets = Mapping[RekeyJob, str]
"""What each job leads to: the version, or the suite, that this process writes."""


class Overtaken(Exception):
    """Somebody else has taken the part meanwhile; what was to be written with this is undone."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A part that is ours for some seconds."""

    job: RekeyJob
    target: str
    part: str
    position: str | None
    by: UUID


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a part has come: behind which row, None when that was the last; and what was found on the way."""

    position: str | None
    seen: int
    changed: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one part is; `done` is a share of the whole between 0 and 1."""

    job: RekeyJob
    target: str
    part: str
    seen: int
    changed: int
    left: int
    started_at: datetime
    finished_at: datetime | None
    done: float


async def begin(session: Session, job: RekeyJob, target: str, names: Sequence[str]) -> None:
    """Begin a job, or begin it again where it was finished; what is under way goes on, unless it leads elsewhere."""
    elsewhere = or_(RekeyPart.target != target, RekeyPart.part.not_in(names))
    await session.execute(delete(RekeyPart).where(RekeyPart.job == job, elsewhere))
    for name in sorted(names):
        fresh = {"position": None, "seen": 0, "changed": 0, "left": 0, "started_at": session.now, "finished_at": None}
        row = insert(RekeyPart).values(job=job, target=target, part=name, **fresh)
        await session.execute(
            row.on_conflict_do_update(
                index_elements=[RekeyPart.job, RekeyPart.target, RekeyPart.part],
                set_=fresh,
                where=RekeyPart.finished_at.is_not(None),
            )
        )


async def take(session: Session, targets: Targets) -> Taken | None:
    """Take a part of a job that leads where this process writes, if one is free."""
    ours = or_(*((RekeyPart.job == job) & (RekeyPart.target == target) for job, target in targets.items()))
    row = await session.scalar(
        select(RekeyPart)
        .where(ours, RekeyPart.finished_at.is_(None), _is_free(session))
        .order_by(RekeyPart.job, RekeyPart.part)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.taken_by, row.taken_until = uuid4(), session.now + LEASE
    return Taken(row.job, row.target, row.part, row.position, row.taken_by)


async def move(session: Session, taken: Taken, moved: Moved) -> None:
    """Write down how far a part has come, and let it go.

    Raises:
        Overtaken: it is somebody else's by now.
    """
    mine = await session.scalar(
        update(RekeyPart)
        .where(*_row(taken), RekeyPart.taken_by == taken.by)
        .values(
            position=moved.position,
            seen=RekeyPart.seen + moved.seen,
            changed=RekeyPart.changed + moved.changed,
            left=RekeyPart.left + moved.left,
            finished_at=session.now if moved.position is None else None,
            taken_by=None,
            taken_until=None,
        )
        .returning(RekeyPart.part)
        .execution_options(synchronize_session=False)
    )
    if mine is None:
        raise Overtaken


async def progress(session: Session) -> list[Progress]:
    """Return how far every part is of each job's newest run."""
    rows = await session.scalars(select(RekeyPart).order_by(RekeyPart.job, RekeyPart.target, RekeyPart.part))
    return [
        Progress(
            row.job, row.target, row.part, row.seen, row.changed, row.left, row.started_at, row.finished_at, _done(row)
        )
        for row in rows
    ]


async def is_waiting(session: Session, targets: Targets) -> bool:
    """Say whether a part that leads where this process writes is not finished, be it taken or free."""
    ours = or_(*((RekeyPart.job == job) & (RekeyPart.target == target) for job, target in targets.items()))
    found = select(RekeyPart.part).where(ours, RekeyPart.finished_at.is_(None)).limit(1)
    return await session.scalar(found) is not None


def _done(row: RekeyPart) -> float:
    """Return about how much is done: rows of persons lie in the order of their buckets, evenly."""
    if row.finished_at is not None:
        return 1.0
    if row.position is None or not row.position.startswith("["):
        return 0.0
    first = row.position[1:].partition(",")[0].rstrip("]")
    return int(first) / 65536 if first.isdigit() else 0.0


def _is_free(session: Session) -> ColumnElement[bool]:
    return or_(RekeyPart.taken_until.is_(None), RekeyPart.taken_until <= session.now)


def _row(taken: Taken) -> tuple[ColumnElement[bool], ...]:
    return RekeyPart.job == taken.job, RekeyPart.target == taken.target, RekeyPart.part == taken.part
