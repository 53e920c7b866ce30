"""Changes the versions in a key file: one is added to be read, then it is written, and one day the old one is dropped.

    add(1, 2)  ->  every server has the file  ->  write(2)  ->  every server has the file  ->  re-key  ->  drop(1)

So no server ever writes what another cannot read. A version's number is never given twice.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from app.ports.keys import KeyKind

_MOST: Final = 255  # a keyed digest says its version in one byte
_AT_WORK: Final = ".new"
_PLAIN: Final = "international"  # the suite of a key that stands there as plain text, as in the first files

_HELD_AS: Final = {KeyKind.PEPPER: "peppers", KeyKind.WRAPPING: "wrapping", KeyKind.SIGNING: "signing"}

Told = TypeVar("Told")


class VersionRefused(ValueError):
    """The change would lead to what somebody could not read; the message says why."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key, without the key: its number, its suite, and whether it is the one that is written."""

    number: int
    suite: str
    is_written: bool
    is_staged: bool


def of(held: Mapping[str, Any], kind: KeyKind) -> list[Version]:
    """Return the versions of a kind in a key file's content, the newest first."""
    keys, now = held.get(_HELD_AS[kind], {}), written(held, kind)
    return [
        Version(number, _suite(keys[str(number)]), is_written=number == now, is_staged=now is not None and number > now)
        for number in sorted(map(int, keys), reverse=True)
    ]


def written(held: Mapping[str, Any], kind: KeyKind) -> int | None:
    """Return the version that is written: the one that is named, and where none is, the highest.

    Raises:
        VersionRefused: the one that is named is not there.
    """
    keys, named = held.get(_HELD_AS[kind], {}), held.get("written", {}).get(_HELD_AS[kind])
    if named is None:
        return max(map(int, keys), default=None)
    if str(named) not in keys:
        raise VersionRefused(f"{kind} key {named} is to be written and is not there")
    return int(named)


def add(path: Path, kind: KeyKind, suite: str) -> int:
    """Add a new version that is read and not yet written; return its number.

    Raises:
        VersionRefused: there is one already that is not written yet, or there were as many as there can be.
        FileExistsError: somebody else is changing the file.
    """

    def change(held: dict[str, Any]) -> int:
        keys, now = held.setdefault(_HELD_AS[kind], {}), written(held, kind)
        newest = max(map(int, keys), default=0)
        if now is None:
            raise VersionRefused(f"the file is older than {kind} keys with versions")
        if newest > now:
            raise VersionRefused(f"{kind} key {newest} is not written yet: `escard keys write {kind}` comes first")
        if newest >= _MOST:
            raise VersionRefused(f"there were {_MOST} {kind} keys, and no more can be told apart")
        keys[str(newest + 1)] = _entry(os.urandom(32), suite)
        held.setdefault("written", {})[_HELD_AS[kind]] = now
        return newest + 1

    return _change(path, change)


def write(path: Path, kind: KeyKind) -> int:
    """Let the version that was added be the one that is written; return its number.

    Raises:
        VersionRefused: none is waiting.
        FileExistsError: somebody else is changing the file.
    """

    def change(held: dict[str, Any]) -> int:
        newest = max(map(int, held.get(_HELD_AS[kind], {})), default=0)
        if newest == (written(held, kind) or 0):
            raise VersionRefused(f"no {kind} key is waiting to be written: `escard keys add {kind}` comes first")
        held.setdefault("written", {})[_HELD_AS[kind]] = newest
        return newest

    return _change(path, change)


def drop(path: Path, kind: KeyKind, number: int) -> None:
    """Take an old version out of the file; that nothing needs it any more is the caller's to know.

    Raises:
        VersionRefused: there is none, or it is not older than the one that is written.
        FileExistsError: somebody else is changing the file.
    """

    def change(held: dict[str, Any]) -> None:
        keys, now = held.get(_HELD_AS[kind], {}), written(held, kind)
        if str(number) not in keys:
            raise VersionRefused(f"there is no {kind} key {number}")
        if now is None or number >= now:
            raise VersionRefused(f"{kind} key {number} is not older than the one that is written")
        held.setdefault("written", {})[_HELD_AS[kind]] = now
        del keys[str(number)]

    _change(path, change)


def _entry(secret: bytes, suite: str) -> str | dict[str, str]:
    key = base64.b64encode(secret).decode()
    return key if suite == _PLAIN else {"suite": suite, "key": key}


def _suite(entry: str | Mapping[str, str]) -> str:
    return _PLAIN if isinstance(entry, str) else entry["suite"]


def _change(path: Path, change: Callable[[dict[str, Any]], Told]) -> Told:
    """Put a changed file in the place of the old one, whole or not at all, with its owner and for its owner alone.

    Where a link leads to the file, that one is changed, and the link stays.
    """
    path = path.resolve()
    beside = path.with_name(path.name + _AT_WORK)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # so there is one who changes it
    try:
        with os.fdopen(descriptor, "w") as file:
            held: dict[str, Any] = json.loads(path.read_text())
            told = change(held)
            owner = path.stat()
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            json.dump(held, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return told


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
