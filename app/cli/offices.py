"""`escard offices`: the places where people can go, and where staff work."""

import re
from typing import Annotated

import typer

from app.cli.house import in_house
from app.cli.terminal import Refused, say, table
from app.models.operators import OfficeKind
from app.services.operators import offices
from app.services.operators.offices import NewOffice

app = typer.Typer(name="offices", help="Add and list the offices that people can go to.", no_args_is_help=True)

OfficeId = Annotated[str, typer.Argument(metavar="ID", help="A short name: small letters, figures, hyphens.")]
Region = Annotated[
    str, typer.Option(help="What it serves (GB/T 2260, six figures); zeros at the end stand for all within.")
]


@app.command("add")
def add_office(
    office_id: OfficeId,
    name: Annotated[str, typer.Option(help="What people know it by.")],
    region: Region,
    address: Annotated[str, typer.Option(help="Where it is.")],
    hours: Annotated[str, typer.Option(help="When it is open.")],
    kind: Annotated[OfficeKind, typer.Option(help="What it is.")] = OfficeKind.DISTRICT_BRANCH,
    phone: Annotated[str, typer.Option(help="Its telephone.")] = "12333",
) -> None:
    """Add an office."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", office_id) or len(office_id) > 64:
        raise Refused("An office's id is made of small letters, figures and hyphens, at most 64.")
    if not re.fullmatch(r"[0-9]{6}", region):
        raise Refused("A region is six figures (GB/T 2260).")
    new = NewOffice(office_id, name, kind, region, address, hours, phone)
    in_house(lambda house: house.db.run(lambda session: offices.add(session, new)))
    say(f"{office_id} is added.")


@app.command("list")
def list_offices() -> None:
    """List the offices."""
    found = in_house(lambda house: house.db.run(lambda session: offices.find(session, most=10_000)))
    say(
        table(
            ("office", "name", "kind", "region", "address", "hours", "telephone"),
            (
                (each.id, each.name, each.kind.value, each.region, each.address, each.hours, each.phone)
                for each in found
            ),
        )
    )
