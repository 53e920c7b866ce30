"""What every citizen register promises: the tables of the demo and the national gateway alike, sealed or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date

import pytest

from app.adapters.national.register import NationalRegister
from app.adapters.register.embedded import EmbeddedRegister, Entry
from app.core.db import Database
from app.ports.register import PhysicalCard, PhysicalCardStatus, Register, RegisteredPerson, RegisterUnavailable
from tests.factories.national import KEY_TEXT, SM4_KEY_TEXT, example, meet, reaching

MOTHER = RegisteredPerson(
    number="100101198506150023",
    name="阿依古丽·买买提",
    sex="2",
    birth_date=date(1985, 6, 15),
    region="100101",
    is_alive=True,
    phone="10000009999",
    card=PhysicalCard("D99999999", PhysicalCardStatus.NORMAL),
    parents=frozenset({"100101195003120015"}),
    guardians=frozenset({"100101199001010020", "100101199001010048"}),
    computer_number="600009999",
)
BARE = RegisteredPerson("USA110190010108", "Smith, John", "1", date(1990, 1, 1), "110000", is_alive=True)
PORTRAIT = b"\xff\xd8\xff\xe0 a face \xff\xd9"

WAYS = {
    "gateway": ("international", ""),
    "gateway sealed by AES": ("international", KEY_TEXT),
    "gateway sealed by SM4": ("sm", SM4_KEY_TEXT),
}

Holding = Callable[[Sequence[Entry]], Awaitable[Register]]


@pytest.fixture(params=["embedded", *WAYS])
async def holding(request: pytest.FixtureRequest, db: Database) -> AsyncIterator[Holding]:
    """Opens a register that holds these people."""
    if request.param == "embedded":

        async def embedded(entries: Sequence[Entry]) -> Register:
            register = EmbeddedRegister(db)
            await register.put(entries)
            return register

        yield embedded
        return
    suite, key = WAYS[request.param]
    there = example(db.clock, keys=(key,) if key else (), suite=suite)
    async with reaching(there, db.clock, encryption_keys=key, suite=suite) as gateway:

        async def gateways(entries: Sequence[Entry]) -> Register:
            for entry in entries:
                meet(there, entry.person, entry.portrait)
            return NationalRegister(gateway, db.clock)

        yield gateways


async def test_people_are_found_as_they_are_held(holding: Holding) -> None:
    dead = replace(MOTHER, number="100101193002140034", is_alive=False, card=None)
    register = await holding([Entry(MOTHER, PORTRAIT), Entry(BARE), Entry(dead)])

    found = await asyncio.gather(*(register.find(each.number) for each in (MOTHER, BARE, dead)))

    assert found == [MOTHER, BARE, dead]


async def test_who_is_not_there_is_nobody(holding: Holding) -> None:
    register = await holding([Entry(MOTHER, PORTRAIT)])

    assert await register.find(BARE.number) is None
    assert await register.portrait(BARE.number) is None


async def test_people_are_found_by_the_card_that_they_hold_now_and_by_no_other(holding: Holding) -> None:
    register = await holding([Entry(MOTHER), Entry(BARE)])

    assert await register.find_by_card("D99999999") == MOTHER
    assert await register.find_by_card("D99999998") is None


async def test_a_card_that_two_hold_is_nobodys(holding: Holding) -> None:
    register = await holding([Entry(MOTHER), Entry(replace(BARE, card=MOTHER.card))])

    with pytest.raises(RegisterUnavailable):
        await register.find_by_card("D99999999")


async def test_a_portrait_is_the_image_that_is_held(holding: Holding) -> None:
    register = await holding([Entry(MOTHER, PORTRAIT), Entry(BARE)])

    assert await register.portrait(MOTHER.number) == PORTRAIT
    assert await register.portrait(BARE.number) is None


async def test_every_status_of_a_card_is_told_apart(holding: Holding) -> None:
    people = [
        replace(MOTHER, number=f"10010119850615{place}001", card=PhysicalCard(f"D0000000{place}", status))
        for place, status in enumerate(PhysicalCardStatus)
    ]
    register = await holding([Entry(person) for person in people])

    found = [await register.find(person.number) for person in people]

    assert [person.card.status for person in found if person and person.card] == list(PhysicalCardStatus)


async def test_what_is_told_of_somebody_is_in_no_description(holding: Holding) -> None:
    register = await holding([Entry(MOTHER, PORTRAIT)])

    described = repr(await register.find(MOTHER.number))

    for value in (MOTHER.number, MOTHER.name, "10000009999", "D99999999", "100101195003120015", "1985", "600009999"):
        assert value not in described
