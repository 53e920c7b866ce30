"""`escard retention report`: whether anything lies longer than it may."""

import typer

from app.cli.house import in_house
from app.cli.terminal import moment, say, table
from app.routers.deps import House
from app.services import retention
from app.services.retention import Retention

app = typer.Typer(name="retention", help="Show what is kept, and until when.", no_args_is_help=True)

_HEADS = ("kind", "files", "oldest", "next deadline", "overdue")


@app.callback()
def verbs() -> None:
    """Show what is kept, and until when."""


@app.command("report")
def report() -> None:
    """List all evidence by kind with its deadlines; fail when a deadline is past or an object belongs to nobody."""
    found = in_house(_look)
    if found.kept:
        say(table(_HEADS, [_row(each) for each in found.kept]))
    for key in found.strays:
        say(f"{key}: no row knows of it.")
    say(f"{found.faces} raw pictures of faces, {len(found.strays)} objects without a row: {_verdict(found)}.")
    if not found.is_kept:
        raise typer.Exit(1)


def _row(kept: retention.Kept) -> tuple[str, ...]:
    return kept.kind, str(kept.count), moment(kept.oldest), moment(kept.next_deadline), str(kept.overdue)


def _verdict(found: Retention) -> str:
    return "every deadline is kept" if found.is_kept else "not every deadline is kept"


async def _look(house: House) -> Retention:
    return await retention.report(house.db, house.ports.store)
