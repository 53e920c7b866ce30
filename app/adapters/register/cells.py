"""Reads single cells of a file of people; what is wrong is told by a reason, never by what stands there."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final, TypeVar

from PIL import Image

from app.ports.register import PhysicalCardStatus

T = TypeVar("T")

REASONS: Final[Mapping[str, str]] = {
    "missing_column": "the first line must name this column",
    "repeated_column": "the first line names this column twice",
    "unknown_column": "the first line names a column that is not known; it is left out",
    "unreadable_row": "the quotes or the length of this row cannot be right",
    "too_many_cells": "there are more cells than columns",
    "empty": "there must be something here",
    "repeated": "it stands further up in this file already",
    "not_valid": "it cannot be read",
    "bad_length": "it has too few or too many characters; a spreadsheet may have changed it",
    "bad_characters": "it has characters that cannot be there; a spreadsheet may have changed it",
    "bad_region_kind": "the region at its head is none that such numbers have",
    "unassigned_province": "the province at its head does not exist",
    "bad_date": "it holds no date of the calendar",
    "bad_check": "its check character is wrong: something is mistyped",
    "bad_code": "it is none of the values that are known",
    "too_long": "it has more than 50 characters",
    "not_mainland_mobile": "it is no mobile phone of the mainland",
    "disagrees_with_number": "the social security number says otherwise",
    "own_number": "it is the person's own number",
    "file_missing": "there is no such file in the folder of the CSV file or below it",
    "file_too_big": "the picture has more than 2 MiB or 50 megapixels",
    "not_jpeg": "the picture is no whole JPEG image",
}
"""What is said about each reason; the readers' own reasons are among them."""

_PORTRAIT_BYTES: Final = 2 << 20
_PORTRAIT_PIXELS: Final = 50_000_000
_REGION: Final = re.compile(r"[0-9]{6}")
_CARD_NUMBER: Final = re.compile(r"[0-9A-Z]{9}")  # aaz500
_COMPUTER_NUMBER: Final = re.compile(r"[0-9A-Z]{1,20}")  # aac001
SEXES: Final = {"0": "0", "1": "1", "2": "2", "9": "9", "男": "1", "女": "2"}
TRUTHS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "是": True,
    "false": False,
    "0": False,
    "no": False,
    "否": False,
}
CARD_STATUSES: Final = {status.value: status for status in PhysicalCardStatus}
_DATE: Final = re.compile(r"([0-9]{4})(?:([0-9]{2})([0-9]{2})|[-/.]([0-9]{1,2})[-/.]([0-9]{1,2}))")


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a row; lines are counted as an editor does."""

    line: int
    column: str | None
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.column is None else f"line {self.line}, column {self.column}"
        return f"{place}: {self.reason} ({REASONS.get(self.reason, REASONS['not_valid'])})"


class Wrong(ValueError):
    """A cell that cannot be read, by one of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Row:
    """A row while it is read: its cells by column, and what has been found wrong."""

    def __init__(self, line: int, columns: Sequence[str | None], cells: Sequence[str]) -> None:
        self.line = line
        self.faults: list[RowFault] = []
        self._cells = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
        if any(cell.strip() for cell in cells[len(columns) :]):
            self.faults.append(RowFault(line, None, "too_many_cells"))

    def find_fault(self, column: str, reason: str) -> None:
        """Write down what is wrong with a column."""
        self.faults.append(RowFault(self.line, column, reason))

    def read(self, column: str, reader: Callable[[str], T]) -> T | None:
        """Read a cell; an empty one is nothing, and so is one that cannot be read, which is written down."""
        text = self._cells.get(column, "")
        if not text:
            return None
        try:
            return reader(text)
        except ValueError as error:  # its text may quote the cell, so nothing of it but the reason is taken over
            self.find_fault(column, str(getattr(error, "reason", "not_valid")))
            return None

    def need(self, column: str, reader: Callable[[str], T]) -> T | None:
        """Read a cell that must not be empty."""
        if not self._cells.get(column):
            self.find_fault(column, "empty")
        return self.read(column, reader)


def known(values: Mapping[str, T], text: str) -> T:
    """Read one of a few words."""
    try:
        return values[unicodedata.normalize("NFKC", text).lower()]
    except KeyError:
        raise Wrong("bad_code") from None


def calendar_date(text: str) -> date:
    """Read a date: 2017-05-20, 20170520, and 2017/5/20 as spreadsheets write it."""
    match = _DATE.fullmatch(unicodedata.normalize("NFKC", text))
    if match is None:
        raise Wrong("bad_date")
    try:
        return date(*(int(part) for part in match.groups() if part))
    except ValueError:
        raise Wrong("bad_date") from None


def region(text: str) -> str:
    """Read a region of GB/T 2260."""
    return _matching(_REGION, text)


def card_number(text: str) -> str:
    """Read the number on a physical card (aaz500)."""
    return _matching(_CARD_NUMBER, text)


def computer_number(text: str) -> str:
    """Read the personal number that a city's insurance system gives (aac001)."""
    return _matching(_COMPUTER_NUMBER, text)


def portrait(folder: Path, text: str) -> bytes:
    """Read the JPEG image at a path from a folder on; out of the folder no path leads."""
    try:
        path = (folder / text).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            raise Wrong("file_missing")
        if path.stat().st_size > _PORTRAIT_BYTES:
            raise Wrong("file_too_big")
        content = path.read_bytes()
    except OSError:
        raise Wrong("file_missing") from None
    _require_jpeg(content)
    return content


def _require_jpeg(content: bytes) -> None:
    try:
        with Image.open(BytesIO(content), formats=("JPEG",)) as image:
            if image.width * image.height > _PORTRAIT_PIXELS:
                raise Wrong("file_too_big")
            image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError):
        raise Wrong("not_jpeg") from None


def _matching(pattern: re.Pattern[str], text: str) -> str:
    value = unicodedata.normalize("NFKC", text).upper()
    if not pattern.fullmatch(value):
        raise Wrong("bad_characters")
    return value
