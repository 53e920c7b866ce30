"""Servers with key files of neighbouring stages work side by side: nobody is there twice, nothing is lost."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from app.adapters.keys.file import FileKeys
from app.core.db import Database
from app.core.sealing import Lookup
from app.ports.keys import KeyKind, Purpose
from app.ports.register import RegisteredPerson, TestPerson
from app.services.people import homes
from app.services.people.identifiers import Population, parse_number
from tests.factories.callers import SOMEBODY, sign_in
from tests.factories.phone import PASSWORD, Phone, settle_people
from tests.rekeying.conftest import Serve, Server, Stages

ROUNDS = 4

neighbours = pytest.mark.parametrize("pair", [("before", "added"), ("added", "written")], ids="-".join)


def files(stages: Stages, pair: tuple[str, str]) -> tuple[Path, Path]:
    first, second = (getattr(stages, name) for name in pair)
    return first, second


async def meet(server: Server, person: TestPerson) -> object:
    """Meet a person for the first time."""
    number = parse_number(person.number, population=Population.WITH_TEST_PEOPLE)
    registered = await server.house.ports.register.find(person.number)
    assert isinstance(registered, RegisteredPerson)
    return await server.house.db.run(lambda session: homes.find_or_create(session, number, registered))


async def count(db: Database, question: str) -> int:
    rows = await db.fetch(question)
    found: int = rows[0]["count"]
    return found


@neighbours
async def test_a_person_whom_both_meet_at_once_is_one(serve: Serve, stages: Stages, pair: tuple[str, str]) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serve(path)) for path in files(stages, pair)]
        await settle_people(servers[0].house)
        assert servers[0].house.sandbox is not None
        people = (await servers[0].house.sandbox.people())[:ROUNDS]

        met = [
            await asyncio.gather(*(meet(server, person) for _ in range(3) for server in servers)) for person in people
        ]
        again = [[await meet(server, person) for server in servers] for person in people]
        homes_made = await count(servers[0].house.db, "SELECT count(*) FROM home WHERE kind = 'person'")

    assert [len(set(ids)) for ids in met] == [1] * ROUNDS
    assert [set(ids) for ids in again] == [set(ids) for ids in met]
    assert homes_made == ROUNDS


@neighbours
async def test_a_phone_that_registers_at_both_at_once_opens_one_account(
    serve: Serve, stages: Stages, pair: tuple[str, str]
) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serve(path)) for path in files(stages, pair)]
        phones = [Phone(server.client, server.house, SOMEBODY, device="one-device") for server in servers]

        await asyncio.gather(*(phone.register() for phone in phones), return_exceptions=True)
        signed_in = [await sign_in(phone, password=PASSWORD) for phone in phones]
        accounts = await count(servers[0].house.db, "SELECT count(*) FROM account")

    assert accounts == 1
    assert [answer.status_code for answer in signed_in] == [201, 201]


@neighbours
async def test_what_one_has_begun_the_other_goes_on_with(serve: Serve, stages: Stages, pair: tuple[str, str]) -> None:
    first, second = files(stages, pair)
    async with serve(first) as one, serve(second) as other:
        phone = Phone(one.client, one.house, SOMEBODY)
        await phone.register()
        code = await phone.sms_code("sign_in")

        elsewhere = Phone(other.client, other.house, SOMEBODY, device=phone.device)
        by_code = await sign_in(elsewhere, sms_code=code)
        devices = (await elsewhere.call("GET", "/v1/devices")).json()["items"]
        back = await sign_in(phone, password=PASSWORD)

    assert (by_code.status_code, back.status_code) == (201, 201)
    assert len(devices) == 1


@neighbours
async def test_a_rotation_gives_nobody_another_guess(serve: Serve, stages: Stages, pair: tuple[str, str]) -> None:
    first, second = files(stages, pair)
    async with serve(first) as one, serve(second) as other:
        await Phone(one.client, one.house, SOMEBODY).register()
        strangers = [Phone(server.client, server.house, SOMEBODY) for server in (one, other)]

        left = [(await sign_in(strangers[turn % 2], password="no such password")).json() for turn in range(4)]

    tries = [answer["tries_left"] for answer in left]
    assert tries == list(range(tries[0], tries[0] - 4, -1))


@neighbours
async def test_what_is_repeated_at_the_other_is_answered_the_same(
    serve: Serve, stages: Stages, pair: tuple[str, str]
) -> None:
    first, second = files(stages, pair)
    async with serve(first) as one, serve(second) as other:
        phone = Phone(one.client, one.house, SOMEBODY)
        device = {"id": phone.device, "name": "Test phone", "platform": "ios"}
        code = await phone.sms_code("register")
        ask = {"phone": SOMEBODY, "sms_code": code, "password": PASSWORD, "device": device}
        key = {"Idempotency-Key": "register-once"}

        answers = [await server.client.post("/v1/accounts", json=ask, headers=key) for server in (one, other, one)]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["tokens"]["session_id"] for answer in answers}) == 1


def test_every_pair_of_neighbours_takes_what_is_one_under_a_pepper_that_both_know(stages: Stages) -> None:

    rings = [FileKeys.read(path) for path in (stages.before, stages.added, stages.written, stages.dropped())]
    lookups = [Lookup(ring.secret(Purpose.ROUTING), ring.peppers(), ring.written(KeyKind.PEPPER)) for ring in rings]
    claims = [set(lookup.claims("phone", SOMEBODY).values()) for lookup in lookups]

    assert all(one & other for one, other in pairwise(claims))
    for reader, writer in ((0, 1), (1, 0), (1, 2), (2, 1), (2, 3), (3, 2)):
        assert claims[writer] & set(lookups[reader].digests("phone", SOMEBODY))
    assert lookups[0].digest("phone", SOMEBODY) == lookups[1].digest("phone", SOMEBODY)
