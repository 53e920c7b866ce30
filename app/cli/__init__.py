"""The command line `escard`: one module a verb, loaded when it is asked for, so that help and a start are quick."""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

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
    "terminals": "Add, list and remove the devices that read codes.",
    "channels": "Add channels, allow, suspend and remove them; what they hear, and their keys.",
    "medical-accounts": "Credit medical personal accounts, add the books up, and tell what offices got.",
    "policies": "See and change the rules that regions set.",
    "retention": "Show what is kept, and until when; cut what is over.",
    "audit": "Check that what was written down is whole.",
    "keys": "Make and show the key ring, and bring what is kept under new keys.",
    "signer": "Make and show the SM2 key that this server signs with.",
    "settings": "List every setting.",
}


def main() -> None:
    """Do what the command line says. While modules are loaded nothing has begun, and to be stopped is to be gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _be_gone)
    import_module("app.cli.line").follow(sys.argv[1:])


def _be_gone(number: int, _: FrameType | None) -> NoReturn:
    os._exit(128 + number)
