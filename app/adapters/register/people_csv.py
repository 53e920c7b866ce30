"""Reads people for the embedded register from a CSV file: the good rows are taken, the bad ones are told.

Only `name` and `social_security_number` must be there: sex, birth date and region are taken from the number, people are
alive, and a card works, unless a row says otherwise. Relatives are named by their numbers, in the file or not; several
guardians are separated by semicolons.
"""

import codecs
import csv
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TextIO

from app.adapters.register import cells
from app.adapters.register.cells import Row, RowFault
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.ports.register import PhysicalCard, PhysicalCardStatus, RegisteredPerson

NUMBER: Final = "social_security_number"
COLUMNS: Final = (
    "name",
    NUMBER,
    "sex",
    "birth_date",
    "region",
    "is_alive",
    "phone",
    "card_number",
    "card_status",
    "father_number",
    "mother_number",
    "guardian_numbers",
    "computer_number",
    "portrait",
)
_NEEDED: Final = ("name", NUMBER)
_OTHER_NAMES: Final = {"guardian_number": "guardian_numbers"}

_RELATIVES: Final = ("father_number", "mother_number", "guardian_numbers")
_BETWEEN: Final = re.compile(r"[;；,，、|]")
_BATCH: Final = 100  # people a transaction takes; with portraits of 2 MiB that is 200 MiB at most
_CHUNK_BYTES: Final = 1 << 20


_Line = tuple[int, list[str] | RowFault]  # where a row begins, and its cells


class PeopleFileNotReadable(ValueError):
    """The file is no text in UTF-8 or GB 18030."""


class NumberFacts(Protocol):
    """What a social security number says of its holder; `sex` is 0 where it does not say."""

    @property
    def value(self) -> str: ...

    @property
    def birth_date(self) -> date: ...

    @property
    def sex(self) -> str: ...

    @property
    def region(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Readers:
    """The product's own ways to read what people type, given by who knows them: adapters do not know the services.

    What cannot be read is a `ValueError` whose `reason` is one of `REASONS`.
    """

    number: Callable[[str], NumberFacts]
    name: Callable[[str], str]
    phone: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Imported:
    """How many people were taken, and what was wrong with the other rows."""

    people: int
    faults: tuple[RowFault, ...]


async def import_people(register: EmbeddedRegister, path: Path, readers: Readers) -> Imported:
    """Put the people of a CSV file into the register, a batch at a time; doing it again changes nothing.

    Raises:
        PeopleFileNotReadable: the file is no text that we know.
        OSError: the file cannot be opened.
    """
    faults: list[RowFault] = []
    batch: list[Entry] = []
    count = 0
    with closing(people_in(path, readers)) as reads:
        for read in reads:
            if isinstance(read, RowFault):
                faults.append(read)
                continue
            batch.append(read)
            if len(batch) == _BATCH:
                await register.put(batch)
                count += len(batch)
                batch.clear()
    await register.put(batch)
    return Imported(count + len(batch), tuple(faults))


def people_in(path: Path, readers: Readers) -> Generator[Entry | RowFault, None, None]:
    """Read a CSV file one row at a time, like `read_people`, in whichever encoding it has.

    Raises:
        PeopleFileNotReadable: the file is no text that we know.
        OSError: the file cannot be opened.
    """
    with path.open(encoding=encoding_of(path), newline="") as stream:
        yield from read_people(stream, folder=path.parent, readers=readers)


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file: UTF-8, with or without a mark, where all of it is, else GB 18030.

    Raises:
        PeopleFileNotReadable: it is neither.
        OSError: the file cannot be opened.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise PeopleFileNotReadable


def read_people(stream: TextIO, *, folder: Path, readers: Readers) -> Iterator[Entry | RowFault]:
    """Read rows one by one: a person for a good row, every fault of a bad one.

    `stream` is opened with `newline=""`; portraits are paths from `folder` on, and not out of it.
    """
    rows = _rows(stream)
    columns = yield from _header(rows)
    if columns is None:
        return
    seen: dict[str, set[str]] = {NUMBER: set(), "card_number": set()}
    for line, texts in rows:
        if isinstance(texts, RowFault):
            yield texts
            continue
        row = Row(line, columns, texts)
        entry = _entry(row, readers, folder)
        if entry is not None:
            _note_repeats(row, entry, seen)
        if entry is None or row.faults:
            yield from row.faults
        else:
            yield entry


def _rows(stream: TextIO) -> Iterator[_Line]:
    """Go through the rows that are not empty, with the line each begins at."""
    reader = csv.reader(stream, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            texts = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, RowFault(line, None, "unreadable_row")
            continue
        if any(text.strip() for text in texts):
            yield line, texts


def _header(rows: Iterator[_Line]) -> Generator[RowFault, None, list[str | None] | None]:
    """Return the column of each cell, None for one that is left out; nothing at all when the rows cannot be read."""
    line, texts = next(rows, (1, []))
    if isinstance(texts, RowFault):
        yield texts
        return None
    named = [text.strip().removeprefix("\ufeff").lower() for text in texts]
    columns = [column if column in COLUMNS else _OTHER_NAMES.get(column) for column in named]
    wrong = [RowFault(line, column, "missing_column") for column in _NEEDED if column not in columns]
    wrong += [RowFault(line, column, "repeated_column") for column in COLUMNS if columns.count(column) > 1]
    yield from wrong
    if wrong:
        return None
    for place, (column, name) in enumerate(zip(columns, named, strict=True), start=1):
        if column is None and name:
            yield RowFault(line, f"number {place}", "unknown_column")
    return columns


def _entry(row: Row, readers: Readers, folder: Path) -> Entry | None:
    """Read a person; None when the row has a fault."""
    name = row.need("name", readers.name)
    number = row.need(NUMBER, readers.number)
    sex = row.read("sex", partial(cells.known, cells.SEXES))
    birth_date = row.read("birth_date", cells.calendar_date)
    region = row.read("region", cells.region)
    is_alive = row.read("is_alive", partial(cells.known, cells.TRUTHS))
    phone = row.read("phone", readers.phone)
    card = _card(row)
    computer_number = row.read("computer_number", cells.computer_number)
    relatives = {column: row.read(column, partial(_numbers, readers)) or frozenset() for column in _RELATIVES}
    portrait = row.read("portrait", partial(cells.portrait, folder))
    if name is None or number is None:
        return None
    _compare(row, number, sex, birth_date, relatives)
    if row.faults:
        return None
    person = RegisteredPerson(
        number=number.value,
        name=name,
        sex=sex or number.sex,
        birth_date=birth_date or number.birth_date,
        region=region or number.region,
        is_alive=is_alive is not False,
        phone=phone,
        card=card,
        parents=relatives["father_number"] | relatives["mother_number"],
        guardians=relatives["guardian_numbers"],
        computer_number=computer_number,
    )
    return Entry(person, portrait)


def _compare(
    row: Row,
    number: NumberFacts,
    sex: str | None,
    birth_date: date | None,
    relatives: Mapping[str, frozenset[str]],
) -> None:
    """Write down what the number contradicts; one that does not tell the sex does not tell the century either."""
    if {sex, number.sex} == {"1", "2"}:
        row.find_fault("sex", "disagrees_with_number")
    form = "%y%m%d" if number.sex == "0" else "%Y%m%d"
    if birth_date is not None and birth_date.strftime(form) != number.birth_date.strftime(form):
        row.find_fault("birth_date", "disagrees_with_number")
    for column, numbers in relatives.items():
        if number.value in numbers:
            row.find_fault(column, "own_number")


def _note_repeats(row: Row, entry: Entry, seen: Mapping[str, set[str]]) -> None:
    """Write down what stands further up already: nobody is taken twice, and no card has two people."""
    card = entry.person.card
    values = {NUMBER: entry.person.number} | ({} if card is None else {"card_number": card.number})
    for column, value in values.items():
        if value in seen[column]:
            row.find_fault(column, "repeated")
    if not row.faults:
        for column, value in values.items():
            seen[column].add(value)


def _card(row: Row) -> PhysicalCard | None:
    status = row.read("card_status", partial(cells.known, cells.CARD_STATUSES))
    number = (row.read if status is None else row.need)("card_number", cells.card_number)
    return None if number is None else PhysicalCard(number, status or PhysicalCardStatus.NORMAL)


def _numbers(readers: Readers, text: str) -> frozenset[str]:
    return frozenset(readers.number(part).value for part in _BETWEEN.split(text) if part.strip())
