"""`escard register import`: people of your own for the embedded register."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from app.adapters.register.people_csv import COLUMNS, Imported, PeopleFileNotReadable, Readers, import_people
from app.cli.demo import embedded_register
from app.cli.house import in_house
from app.cli.terminal import Refused, counted, say
from app.routers.deps import House
from app.services.cards import following
from app.services.people.identifiers import parse_number
from app.services.people.names import parse_name
from app.services.people.phones import parse_phone

app = typer.Typer(name="register", help="Load your own people into the embedded register.", no_args_is_help=True)


@app.callback()
def register() -> None:
    """Load your own people into the embedded register."""


@app.command("import")
def take_in(
    path: Annotated[
        Path, typer.Argument(metavar="PEOPLE.CSV", help=f"Its first line names columns: {', '.join(COLUMNS)}.")
    ],
) -> None:
    """Take the good rows of a CSV file in; bad ones are told by line and column, and the command fails."""

    async def take(house: House) -> Imported:
        readers = Readers(
            number=partial(parse_number, population=house.population),
            name=parse_name,
            phone=partial(parse_phone, population=house.population),
        )
        done = await import_people(embedded_register(house), path, readers)
        await house.db.run(following.ask_all)
        return done

    try:
        done = in_house(take)
    except PeopleFileNotReadable:
        raise Refused(f"{path} is no text in UTF-8 or GB 18030.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    for fault in done.faults:
        say(str(fault))
    lines = len({fault.line for fault in done.faults})
    people, faulty = counted(done.people, "person", "people"), counted(lines, "line", "lines")
    say(f"{people} taken in, {faulty} with faults.")
    if done.faults:
        raise typer.Exit(1)
