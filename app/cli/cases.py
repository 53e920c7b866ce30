"""`escard cases`: see and decide what waits for people."""

import re
from getpass import getuser
from typing import Annotated
from uuid import UUID

import typer

from app.cli.house import in_house
from app.cli.terminal import Refused, say, table
from app.models.cases import CaseState
from app.services import cases, reviews
from app.services.cases import Decision

app = typer.Typer(name="cases", help="See and decide what waits for people.", no_args_is_help=True)

CaseId = Annotated[UUID, typer.Argument(metavar="CASE", help="The case's id, as `escard cases list` shows it.")]
Operator = Annotated[str, typer.Option(help="Who decides; the account of this machine unless said otherwise.")]
Reason = Annotated[str, typer.Option(help="A code that says why; it is written down. Nothing personal.")]


@app.command("list")
def list_waiting() -> None:
    """List the open cases, the most urgent first."""
    waiting = in_house(lambda house: house.db.run(cases.waiting))
    say(
        table(
            ("case", "about", "reason", "opened", "due", "reviewers"),
            (
                (
                    str(case.id),
                    case.purpose.value,
                    case.reason.value,
                    f"{case.opened_at:%Y-%m-%d %H:%M}Z",
                    f"{case.due_at:%Y-%m-%d %H:%M}Z",
                    str(case.reviewers_needed),
                )
                for case in waiting
            ),
        )
    )


@app.command("approve")
def approve(case: CaseId, reason: Reason = "approved", operator: Operator = "") -> None:
    """Approve a case; once all whom it needs have, what it was about goes on."""
    _decide(case, CaseState.APPROVED, reason, operator)


@app.command("reject")
def reject(case: CaseId, reason: Reason, operator: Operator = "") -> None:
    """Reject a case; whoever asked is told the reason."""
    _decide(case, CaseState.REJECTED, reason, operator)


def _decide(case_id: UUID, state: CaseState, reason: str, operator: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", reason):
        raise Refused("A reason is a code: small letters, figures, - and _; nothing personal.")
    decision = Decision(state, reason, operator or getuser())
    case = in_house(lambda house: reviews.decide(house.db, house.ports, case_id, decision))
    if case.state is CaseState.OPEN:
        say(f"{case.id}: another operator has to approve it too.")
    else:
        say(f"{case.id}: {case.state.value}.")
