"""What a person at the terminal reads: answers on one stream, complaints and progress on the other."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


class Refused(Exception):
    """It cannot be done; the message is one line that says what is wrong and what to do."""


def say(text: str = "") -> None:
    """Write an answer, at once also where it is read by a program."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Write what goes on, beside the answer."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def complain(text: str) -> None:
    """Write what is wrong."""
    progress(f"escard: {text}")


def counted(number: int, one: str, many: str) -> str:
    """Say how many there are."""
    return f"{number} {one if number == 1 else many}"


def moment(at: datetime) -> str:
    """Write a time down as everywhere here: to the minute, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay rows out in columns, as wide as they are on a screen: Chinese characters take two places."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
