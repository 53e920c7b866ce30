"""The notices people acknowledge or consent to: each version in each language, never changed once in force.

A notice is `<code>/<version>.<language>.md` beside this file: TOML between two lines of `+++`, then the body in
Markdown. A new wording is a new version with a later `effective_from`; what people agreed to stays as it was.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

NOTICE_CODES: Final = (
    "account-sharing",
    "card-payment",
    "card-photo",
    "counter-check",
    "face-check",
    "family-account",
    "identity-document",
    "lost-card",
    "minor-data",
    "own-card",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One version in one language; `sha256` is over the UTF-8 bytes of `body`, in hex."""

    code: str
    version: str
    language: str
    title: str
    body: str
    sha256: str
    effective_from: date
    min_reading_seconds: int


def notice(code: str, language: str, on: date) -> Notice:
    """Return the version in force on a day (Asia/Shanghai).

    Raises:
        KeyError: there is no such notice, or none in force yet.
    """
    for candidate in reversed(_library()[code, language]):
        if candidate.effective_from <= on:
            return candidate
    raise KeyError(code)


def notice_versions(code: str) -> tuple[str, ...]:
    """Return the versions of a notice, the oldest first; the last may not be in force yet.

    Raises:
        KeyError: there is no such notice.
    """
    by_day = {
        each.effective_from: each.version for key, shelf in _library().items() if key[0] == code for each in shelf
    }
    if not by_day:
        raise KeyError(code)
    return tuple(by_day[day] for day in sorted(by_day))


@cache
def _library() -> Mapping[tuple[str, str], tuple[Notice, ...]]:
    """Every notice by code and language, by day of effect."""
    shelves: dict[tuple[str, str], list[Notice]] = {}
    for code in NOTICE_CODES:
        for file in (files(__name__) / code).iterdir():
            each = _read(code, file)
            shelves.setdefault((code, each.language), []).append(each)
    return {key: tuple(sorted(shelf, key=lambda each: each.effective_from)) for key, shelf in shelves.items()}


def _read(code: str, file: Traversable) -> Notice:
    version, language, _ = file.name.split(".")
    _, head, body = file.read_text(encoding="utf-8").split("+++\n", 2)
    facts = tomllib.loads(head)
    body = body.strip()
    return Notice(
        code=code,
        version=version,
        language=language,
        title=facts["title"],
        body=body,
        sha256=sha256(body.encode()).hexdigest(),
        effective_from=facts["effective_from"],
        min_reading_seconds=facts["min_reading_seconds"],
    )
