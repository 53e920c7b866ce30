"""`escard operators`: who belongs to the staff. Their passwords and secrets are shown once, here."""

import re
import sys
from typing import Annotated
from uuid import UUID

import typer

from app.cli.house import in_house
from app.cli.terminal import Refused, say, table
from app.core.db import Session
from app.core.errors import NotFound
from app.models.operators import OperatorRole
from app.routers.deps import House
from app.services.operators import offices, registering, totp
from app.services.operators.registering import Factors, NewOperator
from app.services.people import homes
from app.services.people.identifiers import NumberNotValid, parse_number

app = typer.Typer(name="operators", help="Add, list and remove those who work here.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="What they sign in with; nobody else's for ever.")]


@app.command("add")
def add_operator(
    login: Login,
    office: Annotated[str, typer.Option(help="Where they work: an id that `escard offices list` shows.")],
    role: Annotated[OperatorRole, typer.Option(help="What they may do.")] = OperatorRole.REVIEWER,
    *,
    with_number: Annotated[
        bool,
        typer.Option(
            "--with-number",
            help="Ask for their own social security number; a reviewer's is always asked for.",
        ),
    ] = False,
) -> None:
    """Add somebody, and show once what they sign in with.

    A reviewer's own social security number is asked for, or read as a line: nobody handles their own relatives, and no
    person counts as two.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,31}", login):
        raise Refused("A login is 2 to 32 small letters, figures, dots, - and _, and begins with a letter or figure.")
    number = _asked_number() if with_number or role is OperatorRole.REVIEWER else None

    async def add(house: House) -> Factors:
        person_id = None if number is None else await person_of(house, number)
        factors = await registering.new_factors(house.passwords)
        new = NewOperator(login, role, office, person_id)
        await house.db.run(lambda session: _require_office(session, office))
        await house.db.run(lambda session: registering.add(session, new, factors))
        return factors

    _show(login, in_house(add))


@app.command("identify")
def identify_operator(login: Login) -> None:
    """Ask for somebody's own social security number, where it is not known yet: reviewers need it to claim a case."""
    number = _asked_number()

    async def identify(house: House) -> None:
        person_id = await person_of(house, number)
        await house.db.run(lambda session: registering.identify(session, login, person_id))

    in_house(identify)
    say(f"{login}: who they are is known.")


@app.command("renew")
def renew_operator(login: Login) -> None:
    """Give somebody a new password and secret, for a lost phone; what they had is over."""

    async def renew(house: House) -> Factors:
        factors = await registering.new_factors(house.passwords)
        await house.db.run(lambda session: registering.renew(session, login, factors))
        return factors

    _show(login, in_house(renew))


@app.command("remove")
def remove_operator(login: Login) -> None:
    """Let somebody in no more; what they did stays written down."""
    in_house(lambda house: house.db.run(lambda session: registering.remove(session, login)))
    say(f"{login} is let in no more.")


@app.command("list")
def list_operators() -> None:
    """List everybody, those who have left too."""
    found = in_house(lambda house: house.db.run(registering.everybody))
    say(
        table(
            ("login", "role", "office", "own number", "since", "until", "id"),
            (
                (
                    each.login,
                    each.role.value,
                    each.office_id,
                    "known" if each.person_id else "-",
                    f"{each.added_at:%Y-%m-%d}",
                    f"{each.removed_at:%Y-%m-%d}" if each.removed_at else "-",
                    str(each.id),
                )
                for each in found
            ),
        )
    )


async def _require_office(session: Session, office: str) -> None:
    try:
        await offices.one(session, office)
    except NotFound:
        raise Refused(f"There is no office {office}; `escard offices list` shows them.") from None


def _asked_number() -> str:
    """Ask at the terminal, or read a line: on the command line others would see it."""
    if sys.stdin.isatty():
        number: str = typer.prompt("Social security number", hide_input=True)
        return number
    return sys.stdin.readline().strip()


async def person_of(house: House, number: str) -> UUID:
    """Return the person who has a social security number, by the register.

    Raises:
        Refused: it is none, or the register knows nobody who has it.
    """
    try:
        parsed = parse_number(number, population=house.population)
    except NumberNotValid as error:
        raise Refused(f"This is no social security number ({error.reason.value}).") from None
    registered = await house.ports.register.find(parsed.value)
    if registered is None:
        raise Refused("The register knows nobody with this number.")
    return await house.db.run(lambda session: homes.find_or_create(session, parsed, registered))


def _show(login: str, factors: Factors) -> None:
    say(f"login     {login}")
    say(f"password  {factors.password}")
    say(f"address   {totp.address(factors.totp_secret, login, 'escard')}")
    say("\nThe address goes into an authenticator app. None of this is shown again.")
