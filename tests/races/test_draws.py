"""Payments at once: no cent twice, none after an end or above a cap, none given back twice, nobody waits for ever."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.core.db import Database
from app.models.draws import Draw, DrawReversal
from app.models.sharing import SharingEnd
from app.models.stand_ins import FundsAccount
from app.services import audit
from app.services.audit import Action
from app.services.sharing import ending
from tests.factories.adding import ok, refused
from tests.factories.make import Holder, Make
from tests.factories.paying import Sharing, cap, draw, give_back, left, order, pay, put, redeemed, sharer, unequal
from tests.factories.rows import count
from tests.factories.sharing import shared
from tests.factories.terminals import Install, Terminal
from tests.races.test_adding import at_once, codes
from tests.races.test_adding import deadlocks as deadlocks

MANY = 12


@pytest.fixture
async def son(make: Make) -> Holder:
    """Somebody with a card and nothing in their account."""
    return await make.owner(name="王志远")


@pytest.fixture
async def till(install: Install) -> Terminal:
    """A terminal that takes payments."""
    return await install("till-1")


async def end(db: Database, sharing: Sharing) -> None:
    """Let the owner end a binding."""
    await db.run(lambda session: ending.end(session, sharing.binding.id, SharingEnd.BY_OWNER, audit.SYSTEM))


async def so_many_wait(db: Database, wanted: int, *, unless: "asyncio.Future[None] | None" = None) -> None:
    """Wait until so many statements of this database wait for a lock, unless something is done before."""
    waiting = (
        "SELECT a.pid FROM pg_stat_activity a"
        " WHERE a.datname = current_database() AND cardinality(pg_blocking_pids(a.pid)) > 0"
    )
    async with asyncio.timeout(60):
        while len(await db.fetch(waiting)) < wanted and not (unless is not None and unless.done()):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)


async def test_what_is_there_is_drawn_once_whoever_draws(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    mother = await sharer(make, db, son, amount="50.00")
    daughter = await make.owner(name="王静姝", sex="2")
    await shared(db, mother.owner, daughter, "30")
    bodies = [order(await redeemed(till, spender), "10.00") for spender in (son, daughter) for _ in range(MANY // 2)]

    answers = await at_once(draw(till, body) for body in bodies)

    assert codes(answers) == {"201": 5, "medical-funds-short": MANY - 5}
    assert await left(db, mother.owner) == ["0.00"]
    assert await unequal(db) == 0


async def test_a_cap_holds_whoever_is_first(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    mother = await sharer(make, db, son, amount="500.00")
    await cap(db, mother, "35.00")
    bodies = [order(await redeemed(till, son), "10.00") for _ in range(MANY)]

    answers = await at_once(draw(till, body) for body in bodies)

    assert codes(answers) == {"201": 3, "medical-funds-short": MANY - 3}
    assert await left(db, mother.owner) == ["470.00"]


async def test_an_end_comes_before_or_after_draws_never_between(
    make: Make, son: Holder, till: Terminal, db: Database
) -> None:
    mother = await sharer(make, db, son, amount="500.00")
    bodies = [order(await redeemed(till, son), "10.00") for _ in range(6)]

    draws = [asyncio.ensure_future(draw(till, body)) for body in bodies[:3]]
    ended = asyncio.ensure_future(end(db, mother))
    draws += [asyncio.ensure_future(draw(till, body)) for body in bodies[3:]]
    answers, _ = await asyncio.gather(asyncio.gather(*draws), ended)

    written = [action for action, _, _ in await make.audited(mother.owner)]
    drawn = codes(answers).get("201", 0)
    assert codes(answers).keys() <= {"201", "medical-funds-short"}
    assert written.count(Action.DRAW_MADE) == drawn
    assert await left(db, mother.owner) == [str(Decimal("500.00") - 10 * drawn)]
    refused(await pay(till, son, "10.00"), 409, "medical-funds-short")


async def test_an_end_after_the_draw_is_written_down_comes_after_it(
    make: Make, son: Holder, till: Terminal, db: Database
) -> None:
    mother = await sharer(make, db, son, amount="500.00")
    body = order(await redeemed(till, son), "10.00")

    async with db.transaction() as holding:  # the account: so the port thinks, and no home is locked
        await holding.execute(select(FundsAccount).with_for_update())
        drawing = asyncio.ensure_future(draw(till, body))
        async with asyncio.timeout(60):
            while await count(db, Draw) == 0:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.02)
        await end(db, mother)
    await drawing  # done, or given up waiting for the account
    ok(await draw(till, body))

    assert await left(db, mother.owner) == ["490.00"]
    written = [action for action, _, _ in await make.audited(mother.owner)]
    assert written.count(Action.DRAW_MADE) == 1


async def test_one_order_many_times_at_once_is_one_draw_and_one_answer(
    son: Holder, till: Terminal, db: Database
) -> None:
    await put(db, son, "500.00")
    body = order(await redeemed(till, son), "10.00")

    answers = await at_once(draw(till, body) for _ in range(MANY))

    assert codes(answers) == {"201": MANY}
    assert len({answer.content for answer in answers}) == 1
    assert await left(db, son) == ["490.00"]
    assert await count(db, Draw) == 1


async def test_of_two_orders_under_one_number_one_is_done(
    make: Make, son: Holder, till: Terminal, db: Database
) -> None:
    other = await make.owner(name="李伟")
    for each in (son, other):
        await put(db, each, "500.00")
    for _ in range(4):
        bodies = [order(await redeemed(till, each), "10.00") for each in (son, other)]
        number = bodies[0]["order_number"]

        answers = await at_once(draw(till, body | {"order_number": number}) for body in bodies)

        assert codes(answers) == {"201": 1, "order-number-reused": 1}
    assert sum(map(Decimal, await left(db, son, other))) == Decimal("960.00")


async def test_a_mother_and_her_son_pay_for_each_other_and_never_in_a_circle(
    make: Make, son: Holder, till: Terminal, db: Database
) -> None:
    mother = await sharer(make, db, son, amount="100.00")
    herself = await make.signed_in(mother.owner)
    await shared(db, son, herself, "52")
    await put(db, son, "100.00")
    bodies = [order(await redeemed(till, each), "15.00") for each in (son, herself) * 5]

    answers = await at_once(draw(till, body) for body in bodies)

    assert codes(answers) == {"201": 10}
    assert sum(map(Decimal, await left(db, son, mother.owner))) == Decimal("50.00")
    assert await unequal(db) == 0


async def test_many_reversals_at_once_give_back_once(
    make: Make, son: Holder, till: Terminal, install: Install, db: Database
) -> None:
    await put(db, son, "5.00")
    mother = await sharer(make, db, son, amount="100.00")
    made = ok(await pay(till, son, "52.30"))
    tills = [till, await install("till-2")]

    answers = await at_once(give_back(tills[turn % 2], made["id"]) for turn in range(MANY))

    assert codes(answers) == {"201": MANY}
    assert await left(db, son, mother.owner) == ["5.00", "100.00"]
    assert await count(db, DrawReversal) == 1
