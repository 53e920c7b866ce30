"""`escard terminals`: the devices that read codes and cards, each with a key of its own."""

import re
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.cli.house import in_house
from app.cli.terminal import Refused, say, table
from app.core.errors import NotFound
from app.core.tokens.requests import PublicKeyNotTaken, public_key
from app.models.terminals import Terminal, TerminalPurpose
from app.routers.deps import House
from app.services.operators import offices
from app.services.terminals import registering
from app.services.terminals.registering import NewTerminal

app = typer.Typer(
    name="terminals", help="Add, list and remove the devices that read codes and cards.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it calls itself; no other's for ever.")]


@app.command("add")
def add_terminal(
    name: Name,
    office: Annotated[str, typer.Option(help="Where it stands: an id that `escard offices list` shows.")],
    purpose: Annotated[
        list[TerminalPurpose],
        typer.Option(help="What it reads codes for, or `counter` to read cards; may be said several times."),
    ],
    public_key_file: Annotated[
        Path | None,
        typer.Option("--public-key", help="Its public key in PEM: Ed25519 or P-256. Without, a pair is made."),
    ] = None,
) -> None:
    """Add a terminal. Where no public key is given, a pair is made and the private key shown once."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 64:
        raise Refused("A terminal's name is made of small letters, figures and hyphens, at most 64.")
    private = None if public_key_file is not None else Ed25519PrivateKey.generate()
    known = _made(private) if private is not None else _read(public_key_file)

    async def add(house: House) -> None:
        try:
            await house.db.run(lambda session: offices.one(session, office))
        except NotFound:
            raise Refused(f"There is no office {office}; `escard offices list` shows them.") from None
        new = NewTerminal(name, office, known, frozenset(purpose))
        await house.db.run(lambda session: registering.add(session, new))

    in_house(add)
    say(f"{name} is added.")
    if private is not None:
        say(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        say("This private key goes into the terminal, and is not shown again.")


@app.command("remove")
def remove_terminal(name: Name) -> None:
    """Hear a terminal no more, from now on."""
    in_house(lambda house: house.db.run(lambda session: registering.remove(session, name)))
    say(f"{name} is heard no more.")


@app.command("list")
def list_terminals() -> None:
    """List every terminal, those that were removed too."""
    found = in_house(lambda house: house.db.run(registering.everything))
    say(
        table(
            ("terminal", "office", "is for", "since", "until", "id"),
            (
                (
                    each.name,
                    each.office_id,
                    ", ".join(_purposes(each)),
                    f"{each.added_at:%Y-%m-%d}",
                    f"{each.removed_at:%Y-%m-%d}" if each.removed_at else "-",
                    str(each.id),
                )
                for each in found
            ),
        )
    )


def _purposes(terminal: Terminal) -> list[str]:
    return [purpose.value for purpose in TerminalPurpose if getattr(terminal, f"may_{purpose.value}")]


def _made(private: Ed25519PrivateKey) -> bytes:
    return public_key(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _read(path: Path | None) -> bytes:
    assert path is not None
    try:
        return public_key(path.read_bytes())
    except OSError as error:
        raise Refused(f"The public key {path} cannot be read: {error.strerror}.") from None
    except PublicKeyNotTaken:
        raise Refused(f"{path} is no public key in PEM, Ed25519 or P-256.") from None
