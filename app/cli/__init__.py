"""The command line `escard`: one module a verb, loaded when it is asked for, so that help and a start are quick."""

import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

import typer

from app.cli.terminal import Refused, complain

VERBS: Final[Mapping[str, str]] = {
    "run": "Start everything for a try; Ctrl-C ends it.",
    "serve": "Start the server.",
    "worker": "Do what is due: messages, deadlines, deletion, signatures.",
    "walkthrough": "Play the whole flow against a running server, or one of its own.",
    "migrate": "Bring the database's schema to this version.",
    "demo": "Fill the embedded register with the people of the demo.",
    "register": "Load your own people into the embedded register.",
    "cases": "See and decide what waits for people.",
    "face-provider": "Check a face provider.",
    "offices": "Add and list the offices that people can go to.",
    "operators": "Add, list and remove those who work here.",
    "audit": "Check that what was written down is whole.",
    "keys": "Make and show the key ring.",
    "settings": "List every setting.",
}


def main() -> None:
    """Do what the command line says; what a person can put right is told in one line."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        _command_line(sys.argv[1:])()
    except Refused as refused:
        complain(str(refused))
        sys.exit(1)


def _command_line(words: list[str]) -> typer.Typer:
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


def _stop(_: int, __: FrameType | None) -> NoReturn:
    """End as by Ctrl-C: what was begun is put away."""
    raise KeyboardInterrupt
