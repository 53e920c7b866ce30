"""`escard demo`: the people of the demo, made anew where the age that a label tells has passed, and its staff."""

from collections.abc import Sequence

import typer

from app.adapters.certifications import demo as demo_benefits
from app.adapters.certifications.embedded import EmbeddedCertifications
from app.adapters.insurance import demo as demo_insurance
from app.adapters.insurance.embedded import EmbeddedInsurance
from app.adapters.medical_funds import demo as demo_accounts
from app.adapters.medical_funds.embedded import EmbeddedMedicalFunds
from app.adapters.register import demo
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.cli.families import link_families
from app.cli.house import in_house
from app.cli.operators import person_of
from app.cli.terminal import Refused, say, table
from app.core.clock import today
from app.core.settings import Environment
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services.channels import demo as demo_channel
from app.services.operators import demo as demo_staff
from app.services.operators.demo import DemoOperator
from app.services.people.ages import age_on
from app.services.terminals import demo as demo_terminal

app = typer.Typer()

_CROWD = "quota-relative-"  # they are there to fill a family, nobody tries anything with them


@app.command("demo")
def load_people() -> None:
    """Put the people of the demo into the embedded register, staff and terminals into two offices; show them.

    A channel for those who build one is there too. People whose age has passed get a new number.
    """
    say(in_house(load))


async def load(house: House) -> str:
    """Put the people of the demo into the register, and its staff into their office; return them as tables.

    Raises:
        Refused: this is no place for a demo.
    """
    register = EmbeddedRegister(house.db)  # which shows who they are, even where another one is asked
    if house.settings.environment is not Environment.DEVELOPMENT:
        raise Refused("The people of the demo exist in development only.")
    entries = demo.people(today(house.db.clock.now()))
    await register.put(entries)
    await _insure(house, entries)
    people = await register.test_people()
    await _pay_benefits(house, people)
    await link_families(house.db, register, people, demo.DEMO_LINKS, house.settings.channel)
    await _credit(house, people)
    numbers = {person.label: person.number for person in people if person.label in demo_staff.LOGINS}
    who = {login: await person_of(house, number) for login, number in numbers.items()}
    await demo_staff.put(house.db, house.ports.keys, house.passwords, who)
    await demo_terminal.put(house.db, house.ports.keys)
    platform = house.ports.channel_identities[demo_channel.PLATFORM]
    await demo_channel.put(house.db, house.ports.keys, platform)
    await demo_channel.put_mini_programs(house.db, platform)
    staff = await house.db.run(lambda session: demo_staff.standing(session, house.ports.keys))
    return f"{_table(house, people)}\n\n{_staff_table(staff)}"


async def _pay_benefits(house: House, people: Sequence[TestPerson]) -> None:
    """Let the embedded authority know who of the people of the demo gets a benefit; who is known stays as they are."""
    numbers = {person.label: person.number for person in people}
    records = demo_benefits.records(numbers, today(house.db.clock.now()))
    await EmbeddedCertifications(house.db).put(records)


async def _credit(house: House, people: Sequence[TestPerson]) -> None:
    """Let there be something in the personal accounts of a few of them; who has one keeps what is in it."""
    accounts = EmbeddedMedicalFunds(house.db)
    known = await accounts.balances([person.number for person in people])
    for person in people:
        if person.label in demo_accounts.CREDITS and person.number not in known:
            reference = f"demo/{person.label}/{today(house.db.clock.now()):%Y%m%d}"
            await accounts.credit(person.number, demo_accounts.CREDITS[person.label], reference)


async def _insure(house: House, entries: Sequence[Entry]) -> None:
    """Give the demo's authorities what they keep of the people of the demo."""
    found = demo_insurance.plans([entry.person for entry in entries], today(house.db.clock.now()))
    for authority, records in house.ports.insurance.items():
        if isinstance(records, EmbeddedInsurance):
            await records.put({number: plan for (number, who), plan in found.items() if who is authority})


def embedded_register(house: House) -> EmbeddedRegister:
    """Return the register, if it is the one that people can be put into.

    Raises:
        Refused: it is another's.
    """
    if not isinstance(house.ports.register, EmbeddedRegister):
        raise Refused("The register in use belongs to somebody else: nobody can be put into it from here.")
    return house.ports.register


def _table(house: House, people: Sequence[TestPerson]) -> str:
    day = today(house.db.clock.now())
    return table(
        ("label", "name", "age", "phone", "what for"),
        (
            (person.label, person.name, str(age_on(person.birth_date, day)), person.phone or "-", person.note)
            for person in people
            if not person.label.startswith(_CROWD)
        ),
    )


def _staff_table(staff: Sequence[DemoOperator]) -> str:
    """Show what the demo's staff sign in with: the address goes into an authenticator app."""
    return table(
        ("staff", "role", "office", "password", "for an authenticator app"),
        ((each.login, each.role.value, each.office_id, each.password, each.totp_address) for each in staff),
    )
