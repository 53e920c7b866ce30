"""Issues statements of somebody's rights, and gives out their files."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session, bucket_of
from app.core.errors import FieldError, Invalid, NextStep, TooMany
from app.models.statements import StatementFile, StatementKind
from app.ports import Ports
from app.ports.insurance import AUTHORITY_OF, Insurance, Month
from app.services import audit, authority, files, policies, statements, throttles
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.links import Service
from app.services.rights import asking, printing
from app.services.rights.asking import Question
from app.services.rights.printing import Period
from app.services.statements import Statement
from app.services.throttles import Counter, Limit

_DAY: Final = timedelta(days=1)
_A_YEAR: Final = 11  # months before the last one

Remember = Callable[[Session, Statement], Awaitable[None]]


class StatementsUsedUp(TooMany):
    """Enough statements were made for this person today."""

    code = "statements-used-up"
    leads_to = NextStep("see-statements", "/v1/holders/{holder}/rights/statements")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a statement is to say: of which insurances, from and to which month (None: the last year), how written.

    `public_url` is where its number is asked about.
    """

    insurances: tuple[Insurance, ...]
    first: Month | None
    last: Month | None
    language: str
    public_url: str


async def state(
    db: Database, ports: Ports, caller: Caller, holder: UUID | None, wanted: Wanted, remember: Remember
) -> Statement:
    """Issue a statement; `remember` is called in the transaction in which it becomes one.

    Raises:
        Invalid: the period ends before it begins, is to come, or is too long.
        StatementsUsedUp: enough were made today.
        InsuranceUnavailable: an authority does not answer, and nothing is known from before; a statement is whole.
        PapersBusy, StorageUnavailable: it cannot be drawn or kept just now.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look, or may no longer.
    """

    async def may(session: Session, acting: Acting) -> Period:
        period = await _period(session, wanted)
        await _require_turn(session, acting.person_id)
        return period

    period = await authority.act(db, caller, holder, Service.VIEW, may)
    replies = await asking.ask(db, ports.insurance, caller, holder, _questions(wanted.insurances))
    told = printing.contents(replies, wanted.insurances, period, today(db.clock.now()))
    number = statements.new_number()
    address = statements.address_of(wanted.public_url, number)
    file_id = await statements.prepare(
        db,
        ports.papers,
        ports.store,
        home_id=replies.person.id,
        kind=StatementKind.RIGHTS,
        number=number,
        compose=lambda: printing.paper(told, number, address, wanted.language),
    )

    async def work(session: Session, acting: Acting) -> Statement:
        statement = await statements.issue(session, file_id)
        await audit.record(
            session,
            Action.STATEMENT_ISSUED,
            home_id=acting.person_id,
            actor=acting.actor,
            on_behalf_of=acting.on_behalf_of,
            facts={"statement_id": str(file_id), "insurances": " ".join(wanted.insurances)},
        )
        await remember(session, statement)
        return statement

    return await authority.act(db, caller, holder, Service.VIEW, work)


async def list_all(
    db: Database, caller: Caller, holder: UUID | None, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[Sequence[Statement], Statement | None]:
    """Return a page of a holder's statements whose files are kept, the newest first; its last one where more follow.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look.
    """

    async def work(session: Session, acting: Acting) -> Sequence[Statement]:
        return await statements.page(session, acting.person_id, StatementKind.RIGHTS, after, limit + 1)

    found = await authority.look(db, caller, holder, Action.STATEMENT_SEEN, work)
    return found[:limit], found[limit - 1] if len(found) > limit else None


async def read(db: Database, ports: Ports, caller: Caller, holder: UUID | None, statement_id: UUID) -> bytes:
    """Return the file of one of a holder's statements of rights; that it was looked at is written down with a member.

    Raises:
        NotFound: there is none, or it is no longer kept.
        StorageUnavailable: the store does not answer.
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not look.
    """

    async def find(session: Session, acting: Acting) -> StatementFile:
        return await statements.find(session, acting.person_id, StatementKind.RIGHTS, statement_id)

    return await files.read(db, ports.store, await authority.look(db, caller, holder, Action.STATEMENT_SEEN, find))


def _questions(insurances: Sequence[Insurance]) -> list[Question[Any]]:
    who = {AUTHORITY_OF[each]: None for each in insurances}
    questions: list[Question[Any]] = [asking.participations(each) for each in who]
    return [*questions, *map(asking.contributions, insurances), *map(asking.benefits, insurances)]


async def _period(session: Session, wanted: Wanted) -> Period:
    now, most = Month.of(today(session.now)), (await policies.current(session)).rights.statement_months
    last = wanted.last or now
    first = wanted.first or last.after(-_A_YEAR)
    if last > now:
        raise Invalid(errors=[FieldError("/last_month", "out_of_range")])
    if not 0 <= last.since(first) < most:
        raise Invalid(errors=[FieldError("/first_month", "out_of_range")])
    return Period(first, last)


async def _require_turn(session: Session, person_id: UUID) -> None:
    rules = (await policies.current(session)).rights
    limit = Limit("statement-issued", rules.statements_a_day, _DAY)
    await throttles.require(session, Counter(limit, bucket_of(person_id), person_id.bytes), StatementsUsedUp)
