"""`escard cases`: see and decide what waits for people, from the machine, in the name of one of the reviewers."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli.house import in_house
from app.cli.terminal import Refused, moment, say, table
from app.core.db import Session
from app.models.cases import FINDINGS, Case, CaseState, Finding, Verdict
from app.models.operators import OperatorRole
from app.routers.deps import House
from app.services import cases
from app.services.cases import Decision
from app.services.enrolments import asking
from app.services.operators import registering
from app.services.reviews import claiming, deciding

app = typer.Typer(name="cases", help="See and decide what waits for people.", no_args_is_help=True)

CaseId = Annotated[UUID, typer.Argument(metavar="CASE", help="The case's id, as `escard cases list` shows it.")]
Operator = Annotated[
    str,
    typer.Option(
        help="The login of the reviewer who decides, as `escard operators list` shows it. Neither their password nor "
        "their code is asked for: whoever sits at the machine decides in their name."
    ),
]
_WHY = "Why; whoever asked reads it where it is no yes."


def _one_of(findings: Iterable[Finding]) -> Any:
    """Make the option of a verdict's reasons: each verdict has its own, and what a case allows is fewer yet."""
    known = {finding.value: finding for finding in findings}

    def parse(word: str) -> Finding:
        if word not in known:
            raise typer.BadParameter(f"Choose from {', '.join(known)}.")
        return known[word]

    return typer.Option("--reason", parser=parse, metavar=f"[{'|'.join(known)}]", help=_WHY)


def _leading_to(verdict: Verdict) -> Iterable[Finding]:
    return dict.fromkeys(finding for findings in FINDINGS[verdict].values() for finding in findings)


_Yes = Annotated[Finding, _one_of(_leading_to(Verdict.APPROVE))]
_No = Annotated[Finding, _one_of(_leading_to(Verdict.REJECT))]
_More = Annotated[Finding, _one_of(asking.FINDINGS)]


@app.command("list")
def list_waiting(
    *,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their deadline.")] = False,
) -> None:
    """List the open cases, the most urgent first."""
    find = cases.overdue if overdue else cases.waiting

    async def look(house: House) -> tuple[Sequence[Case], datetime]:
        return await house.db.run(find), house.db.clock.now()

    waiting, now = in_house(look)
    say(
        table(
            ("case", "about", "reason", "risks", "region", "opened", "due", "overdue", "reviewers"),
            (
                (
                    str(case.id),
                    case.purpose.value,
                    case.reason.value,
                    case.risks or "-",
                    case.region,
                    moment(case.opened_at),
                    moment(case.due_at),
                    "yes" if case.due_at <= now else "-",
                    str(case.reviewers_needed),
                )
                for case in waiting
            ),
        )
    )


@app.command("show")
def show(case: CaseId) -> None:
    """Show how a case stands; nothing of whom it is about."""

    async def read(session: Session) -> tuple[Case, int]:
        found = await cases.find(session, case)
        return found, await cases.approvals(session, found)

    found, approvals = in_house(lambda house: house.db.run(read))
    for name, value in _facts(found, approvals):
        say(f"{name:<9}  {value}")


def _facts(case: Case, approvals: int) -> Iterator[tuple[str, str]]:
    yield "case", str(case.id)
    yield "about", case.purpose.value
    yield "state", case.state.value
    yield "reason", case.reason.value
    yield "risks", case.risks or "-"
    yield "region", case.region
    yield "opened", moment(case.opened_at)
    yield "due", moment(case.due_at)
    yield "approved", f"by {approvals} of {case.reviewers_needed}"
    if case.claimed_until is not None:
        yield "claimed", f"until {moment(case.claimed_until)}"
    if case.decided_at is not None:
        yield "decided", f"{moment(case.decided_at)} {case.decision_reason or ''}".strip()


@app.command("approve")
def approve(case: CaseId, operator: Operator, reason: _Yes) -> None:
    """Approve a case; once all whom it needs have, what it was about goes on."""
    _decide(case, operator, Decision(Verdict.APPROVE, reason))


@app.command("reject")
def reject(case: CaseId, operator: Operator, reason: _No) -> None:
    """Reject a case."""
    _decide(case, operator, Decision(Verdict.REJECT, reason))


@app.command("ask")
def ask_for_more(case: CaseId, operator: Operator, reason: _More) -> None:
    """Ask for more: the owner goes on at the step where something is missing."""
    _decide(case, operator, Decision(Verdict.ASK_FOR_MORE, reason))


def _decide(case_id: UUID, login: str, decision: Decision) -> None:
    case = in_house(lambda house: decide(house, case_id, login, decision))
    if case.state is CaseState.OPEN:
        say(f"{case.id}: another reviewer has to approve it too.")
    else:
        say(f"{case.id}: {case.state.value}.")


async def decide(house: House, case_id: UUID, login: str, decision: Decision) -> Case:
    """Claim a case for a reviewer and decide it: by the same rules that hold at a screen.

    Raises:
        Refused: the operator is no reviewer.
        AppError: what claiming and deciding refuse.
    """
    staff = await house.db.run(lambda session: registering.known(session, login))
    if staff.role is not OperatorRole.REVIEWER:
        raise Refused(f"{login} is no reviewer.")
    await claiming.claim(house.db, house.ports.register, staff, case_id, _nothing)
    await deciding.decide(house.db, house.ports, staff, case_id, decision, _nothing)
    return await house.db.run(lambda session: cases.find(session, case_id))


async def _nothing(_: Session, __: Case) -> None:
    """There is no answer to keep."""
