"""`escard audit verify`: whether anything that was written down has been changed, taken out or cut off."""

import typer

from app.cli.house import in_house
from app.cli.terminal import counted, say
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
    chains, ends = counted(report.chains, "chain", "chains"), counted(report.signed, "signed end", "signed ends")
    say(f"{chains} walked, {ends} looked for: {_verdict(report)}.")
    if not report.is_whole:
        raise typer.Exit(1)


def _verdict(report: Report) -> str:
    broken = len(report.breaks) + len(report.forged)
    return "all is whole" if report.is_whole else f"{counted(broken, 'does', 'do')} not hold"


async def _check(house: House) -> Report:
    return await audit_heads.check(house.db, house.ports.store)
