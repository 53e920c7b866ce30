"""`escard medical-accounts`: money from a file into personal accounts, whether books agree, and what offices got."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from app.adapters.medical_funds.embedded import Credited, EmbeddedMedicalFunds, Unequal
from app.adapters.register import cells
from app.adapters.register.cells import Row, RowFault
from app.adapters.register.people_csv import PeopleFileNotReadable, encoding_of
from app.cli.house import in_house
from app.cli.terminal import Refused, counted, say, table
from app.core.clock import today
from app.routers.deps import House
from app.services.draws import comparing as holding_against
from app.services.draws import totals
from app.services.draws.totals import Total
from app.services.medical_accounts import amounts, comparing
from app.services.medical_accounts.amounts import NOTHING, NotReadable
from app.services.operators import offices
from app.services.people.identifiers import SocialSecurityNumber, parse_number

app = typer.Typer(
    name="medical-accounts",
    help="Credit medical personal accounts, add the books up, and tell what offices got.",
    no_args_is_help=True,
)

NUMBER: Final = "social_security_number"
COLUMNS: Final = (NUMBER, "amount", "reference")
_TOTALS: Final = ("office", "terminal", "draws", "drawn", "given back", "returned", "net")
_REFERENCE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,63}")
_REASONS: Final = {
    "bad_amount": "it is no amount in yuan: 120, or 120.50",
    "person_unknown": "the register knows nobody with this number, or they have died",
    "reference_taken": "this reference was credited before, to somebody else or with another amount",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A good line of the file: what is to be credited, to whom."""

    line: int
    number: SocialSecurityNumber = field(repr=False)
    amount: Decimal
    reference: str


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    now: int = 0
    before: int = 0
    faulty: int = 0

    def note(self, fault: RowFault) -> None:
        """Tell what is wrong with a line."""
        self.faulty += 1
        place = f"line {fault.line}" if fault.column is None else f"line {fault.line}, column {fault.column}"
        say(f"{place}: {fault.reason} ({_REASONS.get(fault.reason) or cells.REASONS.get(fault.reason, 'not valid')})")


@app.command("import")
def take_in(
    path: Annotated[
        Path, typer.Argument(metavar="CREDITS.CSV", help=f"Its first line names the columns: {', '.join(COLUMNS)}.")
    ],
) -> None:
    """Credit the good lines of a CSV file, each once by its reference; bad ones are told, and the command fails."""

    async def take(house: House) -> Tally:
        if house.settings.medical_funds_adapter != "embedded":
            raise Refused("The accounts are kept elsewhere (ESCARD_MEDICAL_FUNDS_ADAPTER): nothing is credited here.")
        tally = Tally()
        for read in _lines(path, partial(parse_number, population=house.population)):
            fault = read if isinstance(read, RowFault) else await _credit(house, read, tally)
            if fault is not None:
                tally.note(fault)
        return tally

    try:
        tally = in_house(take)
    except PeopleFileNotReadable:
        raise Refused(f"{path} is no text in UTF-8 or GB 18030.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    faulty = counted(tally.faulty, "fault", "faults")
    say(f"{counted(tally.now, 'credit', 'credits')} booked, {tally.before} known already, {faulty}.")
    if tally.faulty:
        raise typer.Exit(1)


@app.command("check")
def check() -> None:
    """Add the books up, and hold the last three days' draws against the keeper's; fails where something differs."""
    found, drawn, differing = in_house(_unequal)
    for account_id in found.accounts:
        say(f"account {account_id} is not what its entries sum to")
    for movement_id in sorted({*found.movements, *drawn}):
        say(f"movement {movement_id} does not sum to zero")
    for draw_id in differing:
        say(f"draw {draw_id} is not what the keeper of the accounts says")
    if len(found) or drawn or differing:
        raise typer.Exit(1)
    say("The book adds up.")


async def _unequal(house: House) -> tuple[Unequal, Sequence[UUID], Sequence[UUID]]:
    """Return what is wrong with the embedded accounts, with the book of draws, and between it and the keeper's."""
    return (
        await EmbeddedMedicalFunds(house.db).unequal(),
        await comparing.unequal(house.db),
        await holding_against.differing(house.db, house.ports.medical_funds),
    )


@app.command("totals")
def show_totals(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in China; without it, yesterday.")
    ] = None,
    office: Annotated[str | None, typer.Option(help="One office; without it, all.")] = None,
) -> None:
    """Show what offices got by draws on a day and gave back, terminal by terminal, to the cent."""

    async def read(house: House) -> Mapping[str, Sequence[Total]]:
        on = day.date() if day is not None else today(house.db.clock.now()) - timedelta(days=1)
        known = [each.id for each in await house.db.run(offices.everywhere)]
        if office is not None and office not in known:
            raise Refused(f"There is no office {office}; `escard offices list` shows them.")
        return {each: await totals.of_office(house.db, each, on) for each in known if office in (None, each)}

    found = in_house(read)
    rows = [_told(office_id, total) for office_id, of in found.items() for total in (*of, *_sum(of))]
    say(table(_TOTALS, rows) if rows else "Nothing was drawn.")


def _sum(of: Sequence[Total]) -> Sequence[Total]:
    """Return what an office's terminals sum to, where there are any."""
    draws, reversals = sum(each.draws for each in of), sum(each.reversals for each in of)
    drawn, returned = sum((each.drawn for each in of), NOTHING), sum((each.returned for each in of), NOTHING)
    return [Total("all", draws, drawn, reversals, returned)] if of else []


def _told(office_id: str, total: Total) -> Sequence[str]:
    counts = (str(total.draws), str(total.drawn), str(total.reversals), str(total.returned), str(total.net))
    return office_id, total.terminal or "?", *counts


def _lines(path: Path, number: Callable[[str], SocialSecurityNumber]) -> Iterator[Line | RowFault]:
    """Read the file line by line; a bad line is told by its first fault."""
    with path.open(encoding=encoding_of(path), newline="") as stream:
        reader = csv.reader(stream, strict=True)
        columns = [name.strip().lower() for name in next(reader, [])]
        missing = [column for column in COLUMNS if columns.count(column) != 1]
        if missing:
            yield RowFault(1, missing[0], "missing_column")
            return
        while True:
            line = reader.line_num + 1
            try:
                texts = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield RowFault(line, None, "unreadable_row")
                continue
            if any(text.strip() for text in texts):
                yield _line(Row(line, columns, texts), number)


def _line(row: Row, number: Callable[[str], SocialSecurityNumber]) -> Line | RowFault:
    whose = row.need(NUMBER, number)
    amount = row.need("amount", amounts.parse_amount)
    reference = row.need("reference", _parse_reference)
    if row.faults:
        return row.faults[0]
    assert whose is not None
    assert amount is not None
    assert reference is not None
    return Line(row.line, whose, amount, reference)


async def _credit(house: House, line: Line, tally: Tally) -> RowFault | None:
    """Book one line, of somebody whom the register knows."""
    registered = await house.ports.register.find(line.number.value)
    if registered is None or not registered.is_alive:
        return RowFault(line.line, NUMBER, "person_unknown")
    match await EmbeddedMedicalFunds(house.db).credit(line.number.value, line.amount, line.reference):
        case Credited.NOW:
            tally.now += 1
        case Credited.BEFORE:
            tally.before += 1
        case Credited.REFERENCE_TAKEN:
            return RowFault(line.line, "reference", "reference_taken")
    return None


def _parse_reference(text: str) -> str:
    """Read a reference: 1 to 64 letters, figures and `._:/-`."""
    if not _REFERENCE.fullmatch(text):
        raise NotReadable("bad_characters")
    return text
