"""`escard audit verify`: whether anything that was written down has been changed, taken out or cut off."""

import typer

from app.cli.house import in_house
from app.cli.terminal import say
from app.routers.deps import House
from app.services import audit_heads
from app.services.audit_heads import Report

app = typer.Typer(name="audit", help="Check that what was written down is whole.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Check that what was written down is whole."""


@app.command("verify")
def verify() -> None:
    """Walk every chain of the audit, and look for every signed end in its chain; fail when one does not hold."""
    report = in_house(_check)
    for broken in report.breaks:
        say(f"home {broken.home_id}: the chain does not hold at event {broken.seq}.")
    for key in report.forged:
        say(f"{key}: the signature is not ours.")
    say(f"{report.chains} chains walked, {report.signed} signed ends looked for: {_verdict(report)}.")
    if not report.is_whole:
        raise typer.Exit(1)


def _verdict(report: Report) -> str:
    return "all is whole" if report.is_whole else f"{len(report.breaks) + len(report.forged)} do not hold"


async def _check(house: House) -> Report:
    return await audit_heads.check(house.db, house.ports.store)
