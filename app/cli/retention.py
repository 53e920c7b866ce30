"""`escard retention`: whether anything lies longer than it may, and what is over goes."""

from collections.abc import Sequence
from typing import Annotated

import typer

from app.cli.configuration import read_keys, read_settings, start_logging
from app.cli.database import reachable, require_newest
from app.cli.house import at_work, build, in_house
from app.cli.terminal import Refused, moment, say, table
from app.routers.deps import House
from app.services import records, retention
from app.services.records import Over
from app.services.retention import Retention

app = typer.Typer(name="retention", help="Show what is kept, and until when; cut what is over.", no_args_is_help=True)

_HEADS = ("kind", "files", "oldest", "next deadline", "overdue")
_RECORD_HEADS = ("kind", "records", "since")


@app.callback()
def verbs() -> None:
    """Show what is kept, and until when; cut what is over."""


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


@app.command("cut")
def cut(
    *, delete: Annotated[bool, typer.Option("--delete", help="Do it; without it, only what would go is shown.")] = False
) -> None:
    """Show the records of consent and the audit whose time is over (policy `erasure`); delete them with --delete.

    It takes the role that owns the tables. Where a home's audit is cut is signed, so that the rest can be verified.
    """
    found = _as_owner(delete=delete)
    if found:
        say(table(_RECORD_HEADS, [(each.kind, str(each.count), moment(each.oldest)) for each in found]))
    count = sum(each.count for each in found)
    said = "deleted" if delete else "to be deleted; say --delete to do it"
    say(f"{count} records are over: {said}." if count else "No record is over.")


def _as_owner(*, delete: bool) -> Sequence[Over]:
    settings = read_settings()
    start_logging(settings)
    keys = read_keys(settings)
    with reachable(settings) as addresses:
        if addresses.owner is None:
            raise Refused("Set ESCARD_OWNER_DATABASE_URL: records are deleted by the role that owns the tables.")
        require_newest(addresses.owner)
        work = records.delete_over if delete else records.over
        return at_work(build(settings, addresses.owner, keys), lambda house: work(house.db))


def _row(kept: retention.Kept) -> tuple[str, ...]:
    return kept.kind, str(kept.count), moment(kept.oldest), moment(kept.next_deadline), str(kept.overdue)


def _verdict(found: Retention) -> str:
    return "every deadline is kept" if found.is_kept else "not every deadline is kept"


async def _look(house: House) -> Retention:
    return await retention.report(house.db, house.ports.store)
