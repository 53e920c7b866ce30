"""What everybody promises who makes cards: the demo's, those behind a gateway of their own, and the national one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import SecretStr

from app.adapters.card_orders.embedded import EmbeddedCardOrders
from app.adapters.card_orders.gateway import GatewayCardOrders
from app.adapters.national.card_orders import NationalCardOrders
from app.adapters.register.embedded import EmbeddedRegister
from app.core.db import Database, new_id
from app.core.settings.groups import GatewaySettings
from app.ports.card_orders import CardOrderFailure, CardOrderReason, CardOrderRequest, CardOrders, CardOrderStage
from app.routers.deps import House
from tests.adapters.national.conftest import WORKER
from tests.card_orders.makers import Makers
from tests.factories.adding import later
from tests.factories.national import example, meet, reaching
from tests.factories.servers import loopback_client, serving
from tests.transfers.places import SECRET_TEXT

ORDER = CardOrderRequest(
    id=UUID("0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e4"),
    number=WORKER.number,
    name=WORKER.name,
    reason=CardOrderReason.LOST,
    photo=b"\xff\xd8\xff\xd9",
    office_id="west-window",
    address=None,
)


@pytest.fixture(params=["embedded", "gateway", "national"])
async def orders(request: pytest.FixtureRequest, db: Database) -> AsyncIterator[CardOrders]:
    """Those who make cards; who stands behind a gateway of their own takes no step that no test asks for."""
    if request.param == "embedded":
        yield EmbeddedCardOrders(db, EmbeddedRegister(db))
    elif request.param == "gateway":
        makers = Makers(clock=db.clock)
        async with serving(makers.app) as address, loopback_client() as client:
            settings = GatewaySettings(endpoint=address, secrets=SecretStr(SECRET_TEXT))
            yield GatewayCardOrders(settings, db.clock, client)
    else:
        there = example(db.clock)
        meet(there, WORKER)
        async with reaching(there, db.clock) as national:
            yield NationalCardOrders(national, db.clock)


async def test_an_order_is_taken_and_the_same_again_is_no_other(orders: CardOrders) -> None:
    assert await orders.submit(ORDER) is None
    assert await asyncio.gather(*(orders.submit(ORDER) for _ in range(3))) == [None] * 3

    assert await orders.progress(ORDER.id) == ()


async def test_of_an_order_that_never_came_they_say_so(orders: CardOrders) -> None:
    assert await orders.progress(ORDER.id) is None


async def test_steps_are_told_in_order_and_none_twice_and_none_that_is_to_come(
    orders: CardOrders, house: House, db: Database
) -> None:
    await orders.submit(ORDER)
    await later(house, days=40)

    told = await orders.progress(ORDER.id)

    assert told is not None
    assert [news.stage for news in told] == list(CardOrderStage)[: len(told)]
    assert sorted(news.at for news in told) == [news.at for news in told]
    assert all(news.at <= db.clock.now() for news in told)


async def test_who_ordered_what_is_in_no_description(orders: CardOrders) -> None:
    await orders.submit(ORDER)

    described = repr(ORDER) + repr(await orders.progress(ORDER.id))

    assert not any(value in described for value in (WORKER.number, WORKER.name, "\\xff"))


async def test_the_demos_take_no_second_order_for_a_person_whoever_sends_it(house: House, db: Database) -> None:
    demo = EmbeddedCardOrders(db, EmbeddedRegister(db))
    other = replace(ORDER, id=new_id(0))
    await demo.submit(ORDER)

    refusal = await demo.submit(other)
    await later(house, days=40)

    assert refusal is not None
    assert (refusal.stage, refusal.reason) == (CardOrderStage.FAILED, CardOrderFailure.ALREADY_UNDER_WAY)
    assert await demo.submit(other) is None
