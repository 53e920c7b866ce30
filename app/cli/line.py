"""Follows a command line: finds the verb, and tells in one line what a person can put right."""

import sys
from importlib import import_module

import typer

from app.cli import VERBS, stopping
from app.cli.terminal import Refused, complain


def follow(words: list[str]) -> None:
    """Do what the words say."""
    asked = command(words)
    stopping.listen()
    try:
        asked(words)
    except Refused as refused:
        stopping.heed()
        complain(str(refused))
        sys.exit(1)


def command(words: list[str]) -> typer.Typer:
    """Build the command line with the one verb that is asked for; of the others only the help is there."""
    asked = next((word for word in words if not word.startswith("-")), None)
    line = typer.Typer(
        name="escard",
        help="The electronic social security card, for oneself and for one's family.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for verb, meaning in VERBS.items():
        if verb == asked:
            line.add_typer(import_module(f"app.cli.{verb.replace('-', '_')}").app)
        else:
            line.command(verb, help=meaning)(_elsewhere)
    return line


def _elsewhere() -> None:
    """Stand for a verb in the help."""
