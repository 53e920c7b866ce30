"""Does what is due and tells what happened: small steps, each harmless when done twice, by any number of workers.

Nothing is lost when a worker dies: what is due is found by its row and our clock, and what was taken is free again when
its lease is over (docs/adr/0011).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final

from app.core import logging
from app.core.clock import SHANGHAI, today
from app.core.db import Database
from app.ports import Ports
from app.services import audit_heads, files, housekeeping, outcomes, rekeying
from app.services.card_orders import tracking as making
from app.services.cards import following
from app.services.certifications import learning
from app.services.enrolments import expiring
from app.services.family import ageing, disputing
from app.services.filings import looking
from app.services.sharing import ending as unsharing
from app.services.transfers import tracking
from app.worker import relay, reports

_LOOK_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 10.0
_REKEY_ROWS: Final = 500  # a second, where no setting says it
_NIGHT: Final = time(3)
_DAY: Final = timedelta(days=1)

_log = logging.logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do now and then, by our clock.

    `do` returns how much there was; when it was `full`, more is waiting and it is done again at once.
    """

    name: str
    do: Callable[[], Awaitable[int]]
    first: Callable[[datetime], datetime]
    every: timedelta
    full: int | None = None


async def work(
    db: Database, ports: Ports, stopping: asyncio.Event, *, rekey_rows_per_second: int = _REKEY_ROWS
) -> None:
    """Do every chore whenever it is due, until `stopping`; what is under way then has ten seconds to end."""
    every = chores(db, ports, rekey_rows_per_second=rekey_rows_per_second)
    tasks = [asyncio.create_task(_keep_doing(chore, db, stopping)) for chore in every]
    await stopping.wait()
    _, late = await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def chores(db: Database, ports: Ports, *, rekey_rows_per_second: int = _REKEY_ROWS) -> Sequence[Chore]:
    """Return everything there is to do."""
    rekeys = rekeying.Tools(db, ports.keys, ports.store)
    return (
        Chore("tell", partial(relay.tell_due, db, ports), _now, timedelta(), full=relay.MOST),
        Chore("settle_face_checks", partial(outcomes.settle_due, db, ports), _now, timedelta(seconds=3)),
        Chore("ask_about_cards", partial(following.ask_due, db, ports.register), _now, timedelta(seconds=2), full=50),
        Chore(
            "follow_card_orders",
            partial(making.track_due, db, ports),
            _now,
            timedelta(seconds=5),
            full=looking.AT_ONCE,
        ),
        Chore(
            "follow_transfers",
            partial(tracking.track_due, db, ports.transfers),
            _now,
            timedelta(seconds=5),
            full=looking.AT_ONCE,
        ),
        Chore("expire_enrolments", partial(expiring.expire_due, db), _now, timedelta(seconds=5)),
        Chore("expire_handovers", partial(expiring.expire_handovers, db), _now, timedelta(seconds=5)),
        Chore("expire_sharing", partial(unsharing.expire_due, db), _now, timedelta(seconds=5)),
        Chore("lapse_disputes", partial(disputing.lapse_due, db), _now, timedelta(minutes=1)),
        Chore("note_birthdays", partial(ageing.note_days, db), _now, timedelta(minutes=10), full=50),
        Chore("come_of_age", partial(ageing.come_of_age, db), _now, timedelta(seconds=30), full=50),
        Chore("certify", partial(learning.look_due, db, ports.certifications), _now, timedelta(seconds=5), full=50),
        Chore("certify_new", partial(learning.begin_new, db), _now, timedelta(hours=1)),
        Chore("sweep_files", partial(files.sweep, db, ports.store), _now, timedelta(seconds=5)),
        Chore(
            "rekey",
            partial(rekeying.step, rekeys, rows_a_second=rekey_rows_per_second),
            _now,
            timedelta(seconds=5),
            full=1,
        ),
        Chore("put_away", partial(housekeeping.put_away, db), _now, timedelta(hours=1)),
        Chore("sign_audit_heads", partial(audit_heads.sign_changed, db, ports.store), _now, timedelta(hours=1)),
        Chore("report_late_reviews", partial(reports.report_late_reviews, db), _now, timedelta(hours=1)),
        Chore("report_late_looks", partial(reports.report_late_looks, db), _now, timedelta(hours=1)),
        Chore("report_strays", partial(reports.report_strays, db, ports), _next_night, _DAY),
        Chore("report_torn_links", partial(reports.report_torn_links, db), _next_night, _DAY),
        Chore("report_torn_sharing", partial(reports.report_torn_sharing, db), _next_night, _DAY),
        Chore("report_unequal_books", partial(reports.report_unequal_books, db), _next_night, _DAY),
        Chore("report_differing_draws", partial(reports.report_differing_draws, db, ports), _next_night, _DAY),
    )


async def _keep_doing(chore: Chore, db: Database, stopping: asyncio.Event) -> None:
    due_at, failures = chore.first(db.clock.now()), 0
    while not stopping.is_set():
        if db.clock.now() >= due_at:
            try:
                done = await chore.do()
                failures = 0
            except Exception as error:  # one chore's trouble is not the others', and it passes or is mended
                failures += 1
                _log.error("chore_failed", chore=chore.name, failures=failures, exc_info=error)
                await _pause(stopping, min(2.0**failures, _LONGEST_PAUSE_SECONDS))
                continue
            if done == chore.full:
                continue
            due_at = db.clock.now() + chore.every
        await _pause(stopping, _LOOK_SECONDS)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def _now(now: datetime) -> datetime:
    return now


def _next_night(now: datetime) -> datetime:
    """Return the next time that it is three in the morning in China."""
    tonight = datetime.combine(today(now), _NIGHT, SHANGHAI)
    return (tonight if tonight > now else tonight + timedelta(days=1)).astimezone(UTC)
