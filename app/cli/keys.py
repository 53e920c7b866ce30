"""`escard keys`: make the key ring, and show what is in it without showing a key."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from app.adapters.keys import versions
from app.adapters.keys.file import FileKeys
from app.adapters.keys.versions import Version, VersionRefused
from app.cli import stopping
from app.cli.configuration import read_keys, read_settings
from app.cli.house import in_house
from app.cli.terminal import Refused, progress, say, table
from app.core.suites import Suite
from app.models.rekeying import RekeyJob
from app.ports.keys import KeyKind, Purpose
from app.routers.deps import House
from app.services import rekeying
from app.services.rekeying import Progress

app = typer.Typer(name="keys", help="Make, show and change the key ring.", no_args_is_help=True)

Told = TypeVar("Told")

_HEADS = ("job", "towards", "part", "done", "seen", "changed", "left")
_TOLD_SECONDS = 5.0
_NAMES = {KeyKind.PEPPER: "look-up peppers", KeyKind.WRAPPING: "wrapping keys", KeyKind.SIGNING: "signing keys"}

Kind = Annotated[KeyKind, typer.Argument(metavar="KIND", help="pepper, wrapping or signing.")]
Jobs = Annotated[
    list[RekeyJob] | None, typer.Argument(metavar="[JOB]...", help="wrapping, pepper or suite; without one, all.")
]
Leave = Annotated[bool, typer.Option("--leave", help="Begin, and leave it to the workers.")]
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


@app.command("rekey")
def rekey(jobs: Jobs = None, *, leave: Leave = False) -> None:
    """Bring what is kept under the keys and the suite that are written, while everything goes on; can be cut off."""
    wanted = jobs or list(RekeyJob)
    found = in_house(lambda house: _rekey(house, wanted, is_left=leave))
    if leave:
        say("Begun: the workers go on with it. `escard keys progress` tells how far they are.")
        return
    left = sum(each.left for each in found)
    say(table(_HEADS, [_row(each) for each in found if each.job in wanted and (each.changed or each.left)]))
    say(f"All rows were looked at; {sum(each.changed for each in found)} changed, {left} could not be changed yet.")


@app.command("progress")
def show_progress() -> None:
    """Tell how far re-keying is, table by table."""
    found = in_house(lambda house: house.db.run(rekeying.progress))
    say(table(_HEADS, [_row(each) for each in found]) if found else "Nothing was begun: `escard keys rekey` begins.")


@app.command("drop")
def drop_version(kind: Kind, number: Annotated[int, typer.Argument(metavar="VERSION", help="Which version.")]) -> None:
    """Take an old key out of the file, once the database proves that nothing needs it any more."""
    settings = read_settings()
    read_keys(settings)
    path = settings.key_path
    held = json.loads(path.read_text())
    if not any(each.number == number and not (each.is_written or each.is_staged) for each in versions.of(held, kind)):
        raise Refused(f"There is no {kind} key {number} that is older than the one that is written.")
    try:
        in_house(lambda house: rekeying.require_unused(_tools(house), kind, number))
    except rekeying.NotYet as reason:
        raise Refused(f"{reason}.") from None
    _changed(path, lambda path: versions.drop(path, kind, number))
    say(f"Dropped {kind} key {number}. Keep the file as it was for as long as there are backups from before.")
    say(f"Give {path} to every server and restart it.")


async def _rekey(house: House, jobs: list[RekeyJob], *, is_left: bool) -> list[Progress]:
    tools = _tools(house)
    await rekeying.begin(tools, jobs)
    told_at = time.monotonic()
    while not is_left:
        if not await rekeying.step(tools, rows_a_second=house.settings.rekey_rows_per_second):
            if await rekeying.is_finished(tools):
                break
            await asyncio.sleep(1)  # a worker has the last part
        stopping.heed()
        if time.monotonic() - told_at > _TOLD_SECONDS:
            told_at = time.monotonic()
            found = await house.db.run(rekeying.progress)
            finished = sum(each.finished_at is not None for each in found)
            seen = sum(each.seen for each in found)
            progress(f"{finished} of {len(found)} parts are done, {seen} rows were looked at.")
    return await house.db.run(rekeying.progress)


def _tools(house: House) -> rekeying.Tools:
    return rekeying.Tools(house.db, house.ports.keys, house.ports.store)


def _row(found: Progress) -> tuple[str, ...]:
    state = "done" if found.finished_at is not None else f"{found.done:.0%}"
    return found.job, found.target, found.part, state, str(found.seen), str(found.changed), str(found.left)


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
