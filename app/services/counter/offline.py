"""What was done at a window without a connection: signed there and then, replayed later, each order number once.

Only what is harmless when it comes late is taken, and only so late (policy); the times of a terminal go on with its
numbers. A deed is its operator's, in the session that they had when the terminal signed it; whoever replays it does
nothing themselves. Of one number a deed is done or refused once and for all; sent again it is answered the same, and
another deed under it is told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import AppError, Conflict, Denied, Invalid, NotFound
from app.models.counter import Purpose
from app.models.links import LinkDisputeReason
from app.models.operators import Operator, StaffSession
from app.models.terminals import TerminalPurpose
from app.ports.register import Register
from app.services import policies
from app.services.counter import enrolling, leaving, numbering, papers
from app.services.counter.deeds import Hand
from app.services.counter.enrolling import Showing
from app.services.counter.numbering import DeedOutOfOrder, Heard
from app.services.counter.papers import Paper
from app.services.counter.serving import TerminalElsewhere, TerminalNotAtCounter
from app.services.operators import sessions
from app.services.operators.sessions import StaffCaller
from app.services.terminals import requests
from app.services.terminals.requests import Calling, HttpRequest

PATH: Final = "/v1/counter/offline-deeds"
_SKEW: Final = timedelta(minutes=5)
_SECOND: Final = timedelta(seconds=1)  # a signature says no finer when it was made


class DeedNotValid(Invalid):
    """What the terminal has signed is none of the deeds that may come late, or says too little."""

    code = "deed-not-valid"


class DeedNotTimely(Conflict):
    """It was done too long ago, or at a moment that is still to come."""

    code = "deed-not-timely"


class DeedSessionNotValid(Denied):
    """Its operator had no such session at this office when it was done, or works here no more."""

    code = "deed-session-not-valid"


class OrderNumberUsed(Conflict):
    """Another deed of the terminal has had this order number."""

    code = "order-number-used"


@dataclass(frozen=True, slots=True)
class Attest:
    """Who the member of an application is was seen."""

    enrolment_id: UUID
    showing: Showing


@dataclass(frozen=True, slots=True)
class End:
    """A member wants these links to end; all of them, where none is named."""

    paper: Paper
    link_ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Dispute:
    """A member objects to these links; to all of them, where none is named."""

    paper: Paper
    link_ids: frozenset[UUID]
    reason: LinkDisputeReason


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed, under an order number of the terminal, in the session of who did it."""

    number: int
    session_id: UUID
    act: Attest | End | Dispute


@dataclass(frozen=True, slots=True)
class Entry:
    """A deed as it was signed, and what it says; None where that cannot be read."""

    request: HttpRequest = field(repr=False)
    deed: Deed | None


class Status(StrEnum):
    """What became of an entry; `later`: not now, send it again."""

    DONE = "done"
    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a deed, `code` says why not; `is_repeated` when it had come before."""

    terminal: str | None
    number: int | None
    status: Status
    code: str | None = None
    is_repeated: bool = False


REFUSALS: Final = (DeedNotValid, DeedNotTimely, DeedSessionNotValid, DeedOutOfOrder, OrderNumberUsed)
"""Every refusal of a deed for how it comes, for the documents of routes."""


async def replay(db: Database, register: Register, caller: StaffCaller, entries: Sequence[Entry]) -> list[Outcome]:
    """Do what was done without a connection, in the order of the numbers; return an outcome for each, as they came.

    Raises:
        Invalid: more than may come at once (policy).
    """
    rules = (await policies.at_hand(db)).window
    if len(entries) > rules.offline_most:
        raise Invalid
    order = sorted(range(len(entries)), key=lambda place: entries[place].deed.number if entries[place].deed else 0)  # type: ignore[union-attr]
    outcomes = {place: await _one(db, register, caller, entries[place]) for place in order}
    return [outcomes[place] for place in range(len(entries))]


async def _one(db: Database, register: Register, caller: StaffCaller, entry: Entry) -> Outcome:
    deed = entry.deed
    number = None if deed is None else deed.number
    terminal: Calling | None = None
    try:
        terminal, signed = await requests.signer(db, entry.request)
        _require_here(caller, terminal)
        if deed is None:
            raise DeedNotValid
        at = _moment(signed.created)
    except AppError as error:  # it may come right elsewhere: nothing is kept
        return Outcome(None if terminal is None else terminal.name, number, Status.REFUSED, error.code)
    return await _told(db, register, caller, terminal, at, deed)


async def _told(
    db: Database, register: Register, caller: StaffCaller, terminal: Calling, at: datetime, deed: Deed
) -> Outcome:
    """Do a deed, unless it was done or refused before; a refusal that would come again is kept."""
    try:
        await db.run(lambda session: numbering.require_new(session, terminal, deed.number))
        hand = await db.run(lambda session: _hand(session, caller, terminal, at, deed))
        await _do(db, register, hand, at, deed)
    except Heard as heard:
        return _as_before(terminal, deed, heard)
    except AppError as error:
        if not isinstance(error, Denied | NotFound | Conflict | Invalid):
            return Outcome(terminal.name, deed.number, Status.LATER, error.code)
        return await _refused(db, caller, terminal, at, deed, error.code)
    return Outcome(terminal.name, deed.number, Status.DONE)


def _as_before(terminal: Calling, deed: Deed, heard: Heard) -> Outcome:
    if not heard.is_same:
        return Outcome(terminal.name, deed.number, Status.REFUSED, OrderNumberUsed.code)
    status = Status.DONE if heard.code is None else Status.REFUSED
    return Outcome(terminal.name, deed.number, status, heard.code, is_repeated=True)


async def _refused(
    db: Database, caller: StaffCaller, terminal: Calling, at: datetime, deed: Deed, code: str
) -> Outcome:
    """Keep a refusal, unless the same deed was done meanwhile: then that is what became of it."""

    async def keep(session: Session) -> None:
        if not await _take(session, terminal, at, deed, caller.staff.id, code):
            await numbering.require_new(session, terminal, deed.number)

    try:
        await db.run(keep)
    except Heard as heard:
        return _as_before(terminal, deed, heard)
    return Outcome(terminal.name, deed.number, Status.REFUSED, code)


def _moment(created: int) -> datetime:
    """Return when a deed was signed.

    Raises:
        DeedNotTimely: no calendar has that.
    """
    try:
        return datetime.fromtimestamp(created, UTC)
    except (ValueError, OverflowError) as error:
        raise DeedNotTimely from error


def _require_here(caller: StaffCaller, terminal: Calling) -> None:
    if terminal.office_id != caller.staff.office_id:
        raise TerminalElsewhere
    if TerminalPurpose.COUNTER not in terminal.purposes:
        raise TerminalNotAtCounter


async def _hand(session: Session, caller: StaffCaller, terminal: Calling, at: datetime, deed: Deed) -> Hand:
    """Return whose deed it is: they were signed in at this office when the terminal signed it."""
    rules = (await policies.current(session)).window
    if not at - _SKEW <= session.now <= at + timedelta(minutes=rules.offline_minutes):
        raise DeedNotTimely
    held = await session.get(StaffSession, (bucket_of(deed.session_id), deed.session_id))
    if held is None:
        raise DeedSessionNotValid
    until = min(held.expires_at, held.ended_at or held.expires_at)
    operator = await session.get_one(Operator, (held.bucket, held.operator_id))
    staff = await sessions.staff_of(session, operator)
    is_here = staff.office_id == caller.staff.office_id and operator.removed_at is None
    if not is_here or not held.started_at - _SKEW <= at <= until + _SKEW:
        raise DeedSessionNotValid

    async def confirm(session: Session) -> None:
        await numbering.require_in_order(session, terminal, at, deed.number)
        if not await _take(session, terminal, at, deed, operator.id, None):
            await numbering.require_new(session, terminal, deed.number)

    return Hand(StaffCaller(staff, held.id), terminal.id, confirm)


async def _do(db: Database, register: Register, hand: Hand, at: datetime, deed: Deed) -> None:
    act = deed.act
    if isinstance(act, Attest):
        seen = replace(act.showing, at=at + _SECOND)
        await enrolling.attest(db, register, hand, act.enrolment_id, seen, _nothing)
        return
    purpose = Purpose.LINK_ENDING if isinstance(act, End) else Purpose.DISPUTE
    served = await papers.serve(db, register, hand.caller, act.paper, purpose)
    wanted = act.link_ids or await db.run(lambda session: leaving.all_of(session, served))
    if isinstance(act, End):
        await leaving.end(db, register, hand, served, wanted, _nothing)
    else:
        await leaving.dispute(db, register, hand, served, wanted, act.reason, _nothing)


async def _nothing(session: Session, result: object) -> None:
    """Keep no answer: the order number is kept, in the transaction of the effect."""


async def _take(
    session: Session, terminal: Calling, at: datetime, deed: Deed, operator_id: UUID, refusal: str | None
) -> bool:
    kind = type(deed.act).__name__.lower()
    return await numbering.take(session, terminal, at, deed.number, kind=kind, by=operator_id, refusal=refusal)
