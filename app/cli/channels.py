"""`escard channels`: who hears by signed events what becomes of the cards that are used there."""

import re
from typing import Annotated

import typer

from app.cli.house import in_house
from app.cli.terminal import Refused, say, table
from app.models.channels import CardEvent
from app.services.channels import registering
from app.services.channels.registering import HookAddressNotTaken

app = typer.Typer(name="channels", help="Let channels hear of events: add, list and remove them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel, as sessions and issue numbers name it.")]


@app.command("add")
def add_channel(
    name: Name,
    url: Annotated[str, typer.Option(help="Where it hears: https, or http within this machine.")],
    event: Annotated[list[CardEvent], typer.Option(help="What it hears of; may be said several times.")],
) -> None:
    """Let a channel hear of events; the secret they are signed with is made here and shown once."""
    if not re.fullmatch(r"[a-z0-9]+([_-][a-z0-9]+)*", name) or len(name) > 32:
        raise Refused("A channel's name is made of small letters, figures, hyphens and _, at most 32.")
    try:
        secret = in_house(lambda house: house.db.run(lambda db: registering.add(db, name, url, frozenset(event))))
    except HookAddressNotTaken:
        raise Refused("Events go to https addresses, or http within this machine.") from None
    _show(secret)


@app.command("rotate")
def rotate(name: Name) -> None:
    """Make a new secret; events are signed with the old one too, until it is dropped."""
    _show(in_house(lambda house: house.db.run(lambda session: registering.rotate(session, name))))
    say(f"The one before it signs too, until `escard channels forget {name}`.")


@app.command("forget")
def forget(name: Name) -> None:
    """Sign with the newest secret alone."""
    in_house(lambda house: house.db.run(lambda session: registering.drop_old_secret(session, name)))
    say(f"{name} is signed to with the newest secret alone.")


@app.command("remove")
def remove(name: Name) -> None:
    """Let a channel hear nothing any more."""
    in_house(lambda house: house.db.run(lambda session: registering.remove(session, name)))
    say(f"{name} hears nothing any more.")


@app.command("list")
def list_channels() -> None:
    """List every channel that hears, and those that did."""
    found = in_house(lambda house: house.db.run(registering.everything))
    say(
        table(
            ("channel", "address", "events", "since", "until"),
            (
                (
                    each.name,
                    each.url,
                    ", ".join(each.events.split()),
                    f"{each.added_at:%Y-%m-%d}",
                    f"{each.removed_at:%Y-%m-%d}" if each.removed_at else "-",
                )
                for each in found
            ),
        )
    )


def _show(secret: str) -> None:
    say(secret)
    say("This secret goes to the channel, and is not shown again.")
