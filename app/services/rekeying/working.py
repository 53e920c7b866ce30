"""One step of re-keying: take a part, go through some of its rows, write down how far."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from app.core.db import Session
from app.models.rekeying import RekeyJob
from app.services.rekeying import digests, objects, parts, rows, sealing, wrapping
from app.services.rekeying.parts import Moved, Overtaken, Taken
from app.services.rekeying.tools import Found, Tools

_AT_ONCE: Final = 50  # rows of a step: their homes are locked for some milliseconds

Going = Callable[[Tools, Taken, int], Awaitable[Found]]

_GOING: Final[Mapping[RekeyJob, Going]] = {
    RekeyJob.WRAPPING: wrapping.go,
    RekeyJob.PEPPER: digests.go,
    RekeyJob.SUITE: sealing.go,
}


def parts_of(job: RekeyJob) -> Sequence[str]:
    """Return the parts of a job."""
    match job:
        case RekeyJob.WRAPPING:
            return wrapping.parts()
        case RekeyJob.PEPPER:
            return digests.parts()
        case RekeyJob.SUITE:
            return [*sealing.parts(), *objects.parts()]


async def begin(tools: Tools, jobs: Sequence[RekeyJob]) -> None:
    """Begin jobs towards what this process writes; those that were finished begin again, others go on."""
    targets = tools.targets()
    for job in jobs:
        await tools.db.run(partial(parts.begin, job=job, target=targets[job], names=parts_of(job)))


async def step(tools: Tools, *, rows_a_second: int) -> int:
    """Do one step of whatever was begun, at a gentle pace; return 1, or 0 when there is nothing to do now.

    A part in which a step fails stays taken until its time is over: meanwhile others are gone through.
    """
    taken = await tools.db.run(partial(parts.take, targets=tools.targets()))
    if taken is None:
        return 0
    go = objects.go if objects.is_one(taken.part) else _GOING[taken.job]
    try:
        found = await go(tools, taken, min(_AT_ONCE, rows_a_second))
        await tools.db.run(partial(_write, taken, found))
    except Overtaken:
        return 1
    await asyncio.sleep(found.moved.seen / rows_a_second)
    return 1


async def is_finished(tools: Tools) -> bool:
    """Say whether everything that leads where this process writes is done."""
    return not await tools.db.run(partial(parts.is_waiting, targets=tools.targets()))


async def _write(taken: Taken, found: Found, session: Session) -> None:
    changed = 0
    for change in found.changes:
        changed += await rows.apply(session, found.table, change)
    moved = found.moved
    await parts.move(session, taken, Moved(moved.position, moved.seen, moved.changed + changed, moved.left))
