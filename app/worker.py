"""Does what is due and tells what happened: small steps, each harmless when done twice, by any number of workers.

Nothing is lost when a worker dies: what is due is found by its row and our clock, and what was taken is free again when
its lease is over (docs/adr/0011).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from app.core import logging
from app.core.clock import SHANGHAI, today
from app.core.db import Database
from app.models.links import LinkEnd
from app.models.sharing import SharingEnd
from app.ports import Ports
from app.services import audit_heads, files, housekeeping, outbox, outcomes, rekeying
from app.services.card_orders import submitting as ordering
from app.services.card_orders import tracking as making
from app.services.cards import following
from app.services.certifications import learning, reporting
from app.services.channels import hearing
from app.services.counter import reviewing
from app.services.draws import reversing, settling
from app.services.draws.funds import Patience
from app.services.enrolments import expiring, reading
from app.services.family import ageing, disputing, leaving, passing
from app.services.filings import looking
from app.services.links import comparing
from app.services.medical_accounts import comparing as adding_up
from app.services.notifications import telling
from app.services.outbox import Kind, Taken
from app.services.privacy import erasing
from app.services.reviews import lateness, presorting
from app.services.sharing import codes
from app.services.sharing import comparing as weighing
from app.services.sharing import ending as unsharing
from app.services.transfers import submitting, tracking, withdrawing

_LOOK_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 10.0
_TELLING_SECONDS: Final = outbox.LEASE.total_seconds() - 15  # over before somebody else may take the event
_STUCK_AFTER: Final = 10  # attempts: after three quarters of an hour somebody should look
_AT_ONCE: Final = 4
_MOST: Final = 40
_REKEY_ROWS: Final = 500  # a second, where no setting says it
_NIGHT: Final = time(3)

_log = logging.logger(__name__)

Teller = Callable[[Taken], Awaitable[None]]


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
        Chore("tell", partial(tell_due, db, ports), _now, timedelta(), full=_MOST),
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
        Chore("report_late_reviews", partial(report_late_reviews, db), _now, timedelta(hours=1)),
        Chore("report_late_looks", partial(report_late_looks, db), _now, timedelta(hours=1)),
        Chore("report_strays", partial(report_strays, db, ports), _next_night, timedelta(days=1)),
        Chore("report_torn_links", partial(report_torn_links, db), _next_night, timedelta(days=1)),
        Chore("report_torn_sharing", partial(report_torn_sharing, db), _next_night, timedelta(days=1)),
        Chore("report_unequal_books", partial(report_unequal_books, db), _next_night, timedelta(days=1)),
    )


async def tell_due(db: Database, ports: Ports) -> int:
    """Tell what is in the outboxes and due; return how much that was."""
    tellers: Mapping[Kind, Teller] = {
        Kind.TELL_PERSON: partial(telling.tell, db, ports),
        Kind.SLOT_FREED: partial(_free_slot, db, ports),
        Kind.FACE_GIVEN_UP: partial(_give_up_face, db, ports),
        Kind.READ_DOCUMENT: partial(_read_document, db, ports),
        Kind.PRESORT_CASE: partial(_presort_case, db, ports),
        Kind.SEND_LINK_ENDING_CODE: partial(_send_link_ending_code, db, ports),
        Kind.SEND_SHARING_CODE: partial(_send_sharing_code, db, ports),
        Kind.HOME_ERASED: partial(_forget_elsewhere, db),
        Kind.TELL_CHANNEL: partial(hearing.tell, db, ports.hooks),
        Kind.PERSON_CHANGED: partial(_person_changed, db),
        Kind.SUBMIT_CARD_ORDER: partial(_submit_card_order, db, ports),
        Kind.CARD_COLLECTED: partial(_card_collected, db, ports),
        Kind.SUBMIT_TRANSFER: partial(_submit_transfer, db, ports),
        Kind.WITHDRAW_TRANSFER: partial(_withdraw_transfer, db, ports),
        Kind.REPORT_CERTIFICATION: partial(_report_certification, db, ports),
        Kind.SETTLE_DRAW: partial(_settle_draw, db, ports),
        Kind.GIVE_DRAW_BACK: partial(_give_draw_back, db, ports),
    }
    free = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(event_id: UUID) -> None:
        async with free:
            await _tell(db, tellers, event_id)

    due = await db.run(lambda session: outbox.due(session, most=_MOST))
    for outcome in await asyncio.gather(*map(in_turn, due), return_exceptions=True):
        if outcome is not None:
            raise outcome
    return len(due)


async def report_strays(db: Database, ports: Ports) -> int:
    """Write into the log which objects of the store belong to no row; return how many."""
    found = await housekeeping.strays(db, ports.store)
    if found:
        _log.error("objects_without_row", count=len(found), first=found[:20])
    return len(found)


async def report_torn_links(db: Database) -> int:
    """Write into the log which links say one thing in the owner's home and another in the member's; return how many."""
    found = await comparing.torn(db)
    if found:
        _log.error("links_torn", count=len(found), first=[str(link_id) for link_id in found[:20]])
    return len(found)


async def report_unequal_books(db: Database) -> int:
    """Write into the log which movements do not add up; return how many."""
    found = await adding_up.unequal(db)
    if found:
        _log.error("book_unequal", count=len(found), movements=[str(each) for each in found[:20]])
    return len(found)


async def report_torn_sharing(db: Database) -> int:
    """Write into the log which sharing is one thing in the owner's home, another in the member's; return how much."""
    found = await weighing.torn(db)
    if found:
        _log.error("sharing_torn", count=len(found), first=[str(binding_id) for binding_id in found[:20]])
    return len(found)


async def report_late_reviews(db: Database) -> int:
    """Write into the log how many cases are past their deadline, a line for each office; return how many lines."""
    late = await db.run(lateness.by_office)
    for office, count in late.items():
        _log.warning("reviews_overdue", office=office, count=count)
    return len(late)


async def report_late_looks(db: Database) -> int:
    """Write into the log how many looks without a card wait too long for a review, a line for each office."""
    late = await db.run(reviewing.late_by_office)
    for office, count in late.items():
        _log.warning("emergency_looks_overdue", office=office, count=count)
    return len(late)


async def _tell(db: Database, tellers: Mapping[Kind, Teller], event_id: UUID) -> None:
    event = await db.run(lambda session: outbox.take(session, event_id))
    if event is None:
        return
    logging.begin_request(f"outbox-{event.id}")  # what is audited now leads back to the event
    try:
        async with asyncio.timeout(_TELLING_SECONDS):
            await tellers[Kind(event.kind)](event)
    except Exception as error:  # whatever it was, the event is told later, and the others now
        write = _log.error if event.attempts >= _STUCK_AFTER else _log.warning
        write("event_not_told", event_id=str(event.id), kind=event.kind, attempts=event.attempts, exc_info=error)
        await db.run(lambda session: outbox.put_off(session, event))
    else:
        await db.run(lambda session: outbox.done(session, event.id))


async def _free_slot(db: Database, ports: Ports, event: Taken) -> None:
    await outcomes.slot_freed(db, ports, event.home_id)


async def _give_up_face(db: Database, ports: Ports, event: Taken) -> None:
    await outcomes.given_up(db, ports, UUID(event.facts["check_id"]))


async def _read_document(db: Database, ports: Ports, event: Taken) -> None:
    await reading.read(db, ports, UUID(event.facts["document_id"]))


async def _presort_case(db: Database, ports: Ports, event: Taken) -> None:
    await presorting.presort(db, ports, UUID(event.facts["case_id"]))


async def _send_link_ending_code(db: Database, ports: Ports, event: Taken) -> None:
    await leaving.send_code(db, ports, UUID(event.facts["ending_id"]))


async def _send_sharing_code(db: Database, ports: Ports, event: Taken) -> None:
    await codes.send(db, ports, UUID(event.facts["binding_id"]), event.facts["seed"])


async def _person_changed(db: Database, event: Taken) -> None:
    """End the links of somebody who has died, or whose card was cancelled; a death ends what they share too."""
    because = {"died": LinkEnd.BY_DEATH, "card_cancelled": LinkEnd.BY_CARD_CANCELLED}[event.facts["change"]]
    await passing.end_all(db, event.home_id, because)
    if because is LinkEnd.BY_DEATH:
        await unsharing.end_all(db, event.home_id, SharingEnd.BY_DEATH)


async def _submit_card_order(db: Database, ports: Ports, event: Taken) -> None:
    await ordering.carry(db, ports, UUID(event.facts["order_id"]))


async def _card_collected(db: Database, ports: Ports, event: Taken) -> None:
    await making.collected(db, ports, event.home_id)


async def _submit_transfer(db: Database, ports: Ports, event: Taken) -> None:
    await submitting.carry(db, ports, UUID(event.facts["transfer_id"]))


async def _withdraw_transfer(db: Database, ports: Ports, event: Taken) -> None:
    await withdrawing.carry(db, ports, UUID(event.facts["transfer_id"]))


async def _report_certification(db: Database, ports: Ports, event: Taken) -> None:
    await reporting.report(db, ports.certifications, UUID(event.facts["certification_id"]))


async def _settle_draw(db: Database, ports: Ports, event: Taken) -> None:
    await settling.settle(db, ports.medical_funds, UUID(event.facts["draw_id"]), Patience.WORKER)


async def _give_draw_back(db: Database, ports: Ports, event: Taken) -> None:
    await reversing.go_on(db, ports.medical_funds, UUID(event.facts["draw_id"]), Patience.WORKER)


async def _forget_elsewhere(db: Database, event: Taken) -> None:
    await erasing.afterwards(db, event.home_id, UUID(event.facts["person_id"]))


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
