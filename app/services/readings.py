"""Compares what a machine reads on a document with whom the document should be about: a hint, never a decision."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.models.documents import Agreement
from app.services.people.identifiers import NumberNotValid, Population, parse_number
from app.services.people.names import compared

# Fewer characters than this are no document: a picture of something else, or one that nobody can read.
_LEAST_CHARACTERS: Final = 6
_NUMBER: Final = re.compile(r"(?<![0-9A-Z])(?:[0-9]{17}[0-9X]|[0-9]{15}|[A-Z]{3}[0-9]{12})(?![0-9A-Z])")
# 姓名 stands before the name on cards and registers alike; what follows it ends where the next field begins.
_NAMED: Final = re.compile(r"姓名[:：]?([\u3400-\u9fff\U00020000-\U0003fffd·]{2,50}?)(?:性别|民族|出生|$)")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says of a person: name and number each agree, differ, or could not be read."""

    name: Agreement
    number: Agreement


def compare(lines: Sequence[str], *, name: str, number: str) -> Reading:
    """Return how the text of a document agrees with a person.

    A register or a birth certificate names several people: one of them is enough. A number that is not valid was
    misread, so it speaks against nobody.
    """
    said = [_plain(line) for line in lines]
    if sum(map(len, said)) < _LEAST_CHARACTERS:
        return Reading(Agreement.UNREAD, Agreement.UNREAD)
    return Reading(_name(said, _plain(name)), _number(said, number))


def _number(said: Sequence[str], number: str) -> Agreement:
    found = {number for line in said for number in _NUMBER.findall(line.upper())}
    if number in found:
        return Agreement.AGREES
    return Agreement.DIFFERS if any(map(_is_valid, found)) else Agreement.UNREAD


def _name(said: Sequence[str], name: str) -> Agreement:
    if name in "".join(said):
        return Agreement.AGREES
    named = [found for line in said for found in _NAMED.findall(line)]
    if not named or any(_is_nearly(found, name) for found in named):
        return Agreement.UNREAD  # one character misread is no other person
    return Agreement.DIFFERS


def _is_nearly(found: str, name: str) -> bool:
    """Say whether at least half of a name's characters stand at their places."""
    same = sum(one == other for one, other in zip(found, name, strict=False))
    return 2 * same >= len(name)


def _is_valid(number: str) -> bool:
    try:
        parse_number(number, population=Population.WITH_TEST_PEOPLE)
    except NumberNotValid:
        return False
    return True


def _plain(text: str) -> str:
    """Return a text as it is compared: one form for each character, without spaces and dots."""
    return re.sub(r"[\s·]", "", compared(text))
