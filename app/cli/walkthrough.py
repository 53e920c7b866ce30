"""`escard walkthrough`: play the whole flow against a running server, or one of its own, as a readable story."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import httpx
import typer

from app.cli.configuration import address, read_settings
from app.cli.terminal import progress
from app.walkthrough.doors import DOORS
from app.walkthrough.phone import Phone, Unexpected
from app.walkthrough.server import answers, serving
from app.walkthrough.story import Story
from app.walkthrough.telling import Teller
from app.walkthrough.two_years import TwoYears

app = typer.Typer()


def _known_door(name: str | None) -> str | None:
    if name is not None and name not in DOORS:
        raise typer.BadParameter(f"There is no door {name}; there are {', '.join(sorted(DOORS))}.")
    return name


@app.command("walkthrough")
def walk_through(
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Address of a development server; without it the one of the settings, or one of its own."),
    ] = None,
    in_full: Annotated[
        bool, typer.Option("--in-full", help="Cut nothing: whole answers, ids, tokens, codes and passwords.")
    ] = False,
    two_years: Annotated[
        bool,
        typer.Option("--two-years", help="Tell two years of a family, on a server of its own: its clock is moved."),
    ] = False,
    door: Annotated[
        str | None,
        typer.Option(help=f"Tell another door: {', '.join(sorted(DOORS))}.", callback=_known_door),
    ] = None,
    server_log: Annotated[
        Path | None, typer.Option(help="Where the log of a server of its own goes; without it, it is not kept.")
    ] = None,
) -> None:
    """Register an owner, issue his card, add a child and parents, show the family; every request is told.

    With `--door` one of the other doors is played instead.
    """
    has_colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    teller = Teller(sys.stdout, has_colours=has_colours, is_in_full=in_full)
    running = url or address(read_settings())
    try:
        if url is not None and not answers(url):
            raise Unexpected(f"No escard server answers at {url}.")
        with ExitStack() as until_the_end:
            if url is None and (two_years or not answers(running)):
                progress("Starting a server for this story alone …")
                running = until_the_end.enter_context(serving(server_log))
            client = until_the_end.enter_context(
                httpx.Client(base_url=running, timeout=60, headers={"Accept-Language": "en"})
            )
            teller.words(f"Everything below was sent to {running} and answered by it.")
            if not in_full:
                teller.words(
                    "Ids, long texts and secrets are cut, and what is empty or has not changed is left out; "
                    "--in-full shows everything (make walkthrough ARGS=--in-full)."
                )
            story = DOORS[door] if door is not None else TwoYears if two_years else Story
            story(Phone(client, teller), teller).tell()
    except Unexpected as surprise:
        teller.wrong(str(surprise))
        raise typer.Exit(1) from None
    teller.end("The whole flow works.")
