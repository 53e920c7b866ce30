"""`escard keys`: make the key ring, and show what is in it without showing a key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from app.adapters.keys import versions
from app.adapters.keys.file import FileKeys
from app.adapters.keys.versions import Version, VersionRefused
from app.cli.configuration import read_keys, read_settings
from app.cli.terminal import Refused, say
from app.core.suites import Suite
from app.ports.keys import KeyKind, Purpose

app = typer.Typer(name="keys", help="Make, show and change the key ring.", no_args_is_help=True)

Told = TypeVar("Told")

_NAMES = {KeyKind.PEPPER: "look-up peppers", KeyKind.WRAPPING: "wrapping keys", KeyKind.SIGNING: "signing keys"}

Kind = Annotated[KeyKind, typer.Argument(metavar="KIND", help="pepper, wrapping or signing.")]
OfSuite = Annotated[
    Suite | None, typer.Option("--suite", help="Its suite; without it, the one of ESCARD_CIPHER_SUITE.")
]


@app.command("init")
def make_keys() -> None:
    """Make a key file with new secrets; one that is there is never touched."""
    settings = read_settings()
    path = settings.key_path
    try:
        FileKeys.create(path, settings.cipher_suite)
    except FileExistsError:
        raise Refused(
            f"There is a key file {path} already; without it nothing sealed can be opened, so it stays."
        ) from None
    except OSError as error:
        raise Refused(f"The key file {path} cannot be written: {error.strerror}.") from None
    say(f"Made {path}. Keep a copy in a safe place: what is sealed under it is lost without it.")


@app.command("show")
def show_keys() -> None:
    """Show which keys there are, by purpose and version; never a key."""
    settings = read_settings()
    read_keys(settings)
    held = json.loads(settings.key_path.read_text())
    say(f"{settings.key_path}")
    say(f"  purposes: {', '.join(purpose.value for purpose in Purpose)}")
    for kind, name in _NAMES.items():
        say(f"  {name}, newest first: {_told(versions.of(held, kind))}")


@app.command("add")
def add_version(kind: Kind, suite: OfSuite = None) -> None:
    """Add a new key that is read and not yet written: every server has to have it first."""
    settings = read_settings()
    wanted = Suite.INTERNATIONAL if kind is KeyKind.SIGNING else suite or settings.cipher_suite
    number = _changed(settings.key_path, lambda path: versions.add(path, kind, wanted))
    say(f"Added {kind} key {number}, which is read and not written. Keep a copy of {settings.key_path}.")
    say(f"Give the file to every server and restart it; then `escard keys write {kind}`.")


@app.command("write")
def write_version(kind: Kind) -> None:
    """Let the key that was added be written; every server must have read the file with it by now."""
    path = read_settings().key_path
    number = _changed(path, lambda path: versions.write(path, kind))
    say(f"{kind} key {number} is written from now on. Give {path} to every server and restart it.")
    if kind is not KeyKind.SIGNING:
        say("Then `escard keys rekey`, once all of them run with it.")


def _changed(path: Path, change: Callable[[Path], Told]) -> Told:
    """Change the key file.

    Raises:
        Refused: it cannot be, and nothing has changed.
    """
    read_keys(read_settings())
    try:
        return change(path)
    except VersionRefused as refused:
        raise Refused(f"{refused}.") from None
    except FileExistsError:
        raise Refused(
            f"Somebody is changing {path} now; if nobody is, a change was cut off: delete {path}.new and try again."
        ) from None
    except OSError as error:
        raise Refused(f"The key file {path} cannot be changed: {error.strerror}.") from None


def _told(found: list[Version]) -> str:
    return ", ".join(f"{each.number} ({_state(each)})" for each in found) or "1 (made from the root)"


def _state(version: Version) -> str:
    state = "written" if version.is_written else "not yet written" if version.is_staged else "read"
    return f"{version.suite}, {state}"
