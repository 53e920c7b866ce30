"""What is done by a right that is taken away at this very moment is done before it or not at all."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import date

import httpx
import pytest

from app.core.db import Database
from app.routers.deps import House
from app.services.channel_registry import keys
from app.services.links import Services
from app.services.operators import registering
from app.services.people import homes
from tests.factories.adding import refused
from tests.factories.channel_clients import ChannelClient
from tests.factories.counters import Open, card_of
from tests.factories.make import Holder, Make, Member, Someone
from tests.factories.paying import draw, left, order, pay, put, redeemed
from tests.factories.sharing import BINDINGS, shared
from tests.factories.terminals import Install, Terminal
from tests.races.test_adding import codes
from tests.races.test_adding import deadlocks as deadlocks
from tests.races.test_draws import so_many_wait
from tests.sharing.test_keeping import ends, told

Ask = Callable[[], Awaitable[httpx.Response]]
ELDER = date(1957, 3, 8)


@pytest.fixture
async def son(make: Make) -> Holder:
    """Somebody with a card and nothing in their account."""
    return await make.owner(name="王志远")


@pytest.fixture
async def till(install: Install) -> Terminal:
    """A terminal that takes payments."""
    return await install("till-1")


async def in_line(db: Database, person: Someone, *asking: Ask) -> list[httpx.Response]:
    """Let requests arrive one after the other before somebody's home, and then all go on."""
    answers: list[asyncio.Future[httpx.Response]] = []
    async with db.transaction() as holding:
        await homes.lock_rows(holding, {person.id})
        for ask in asking:
            answers.append(asyncio.ensure_future(ask()))
            await so_many_wait(db, len(answers))
    return await asyncio.gather(*answers)


def dispute(who: Holder, link: Member) -> Awaitable[httpx.Response]:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    return who.call("POST", f"/v1/family/owners/{link.link_id}/disputes", {"reason": "misused"}, **key)


@pytest.mark.parametrize("is_disputed_first", [False, True])
async def test_a_dispute_that_ends_sharing_comes_before_a_draw_or_after_it(
    make: Make, son: Holder, till: Terminal, db: Database, *, is_disputed_first: bool
) -> None:
    mother = await make.owner(name="陈淑芬", sex="2", birth_date=ELDER)
    link = await make.member(mother, "20", person=son)
    await shared(db, mother, son, "20")
    await put(db, mother, "50.00")
    body = order(await redeemed(till, son), "10.00")

    asking: list[Ask] = [lambda: draw(till, body), lambda: dispute(son, link)]
    answers = await in_line(db, son, *(reversed(asking) if is_disputed_first else asking))

    assert codes(answers) == ({"201": 1, "medical-funds-short": 1} if is_disputed_first else {"201": 2})
    assert await left(db, mother) == ["50.00" if is_disputed_first else "40.00"]
    refused(await pay(till, son, "10.00"), 409, "medical-funds-short")


@pytest.mark.parametrize("is_disputed_first", [False, True])
async def test_a_dispute_comes_before_a_payment_with_the_members_money_or_after_it(
    make: Make, son: Holder, till: Terminal, db: Database, *, is_disputed_first: bool
) -> None:
    father = await make.member(son, services=Services(pay=True))
    himself = await make.signed_in(father.person)
    await put(db, father.person, "50.00")
    body = order(await redeemed(till, son, father), "10.00")

    asking: list[Ask] = [lambda: draw(till, body), lambda: dispute(himself, father)]
    answers = await in_line(db, father.person, *(reversed(asking) if is_disputed_first else asking))

    assert codes(answers) == ({"201": 1, "payment-withdrawn": 1} if is_disputed_first else {"201": 2})
    assert await left(db, father.person) == ["50.00" if is_disputed_first else "40.00"]


async def test_sharing_that_both_sides_end_at_once_ends_once(make: Make, son: Holder, db: Database) -> None:
    mother = await make.owner(name="陈淑芬", sex="2", birth_date=ELDER)
    address = f"{BINDINGS}/{(await shared(db, mother, son, '20')).id}"

    ending: list[Ask] = [lambda: mother.call("DELETE", address), lambda: son.call("DELETE", address)]
    answers = await in_line(db, son, *ending, *ending)

    assert codes(answers) == {"204": 4}
    assert await ends(make, mother) == await ends(make, son) == ["by_owner"]
    assert (await told(db, mother)).count("sharing_ended_owner") == 1
    assert (await told(db, son)).count("sharing_ended_member") == 1


async def test_a_card_read_meets_the_end_of_the_clerks_session_and_is_not_given(
    open_counter: Open, make: Make, house: House
) -> None:
    window, wang = await open_counter("li"), await make.person()

    async with house.db.transaction() as removing:
        await registering.remove(removing, window.clerk.login)
        reading = asyncio.ensure_future(window.read(card_of(wang)))
        await so_many_wait(house.db, 1)

    refused(await reading, 401, "staff-session-ended")
    assert await house.db.fetch("SELECT 1 FROM card_read") == []
    assert "counter.card_read" not in [action for action, _, _ in await make.audited(wang)]


async def test_a_launch_meets_the_removal_of_its_key_and_is_not_taken(client: httpx.AsyncClient, house: House) -> None:
    bank = await ChannelClient.register(client, house)

    async with house.db.transaction() as removing:
        await keys.remove(removing, bank.name, bank.kid)
        launching = asyncio.ensure_future(bank.launch(service="rights"))
        await so_many_wait(house.db, 1)

    refused(await launching, 401, "channel-not-known")
