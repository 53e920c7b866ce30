"""Card orders through the national gateway: taken once, however often they are handed in; lies are not believed."""

import asyncio
import base64
from dataclasses import replace
from uuid import UUID

import pytest
from national_gateway import ExampleGateway

from app.adapters.national.card_orders import NationalCardOrders
from app.adapters.national.gateway import NationalGateway
from app.core.clock import MovableClock
from app.ports.card_orders import (
    CardOrderFailure,
    CardOrderReason,
    CardOrderRequest,
    CardOrderStage,
    CardOrdersUnavailable,
)
from tests.adapters.national.conftest import WORKER

ORDER = CardOrderRequest(
    id=UUID("0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e4"),
    number=WORKER.number,
    name=WORKER.name,
    reason=CardOrderReason.DAMAGED,
    photo=b"\xff\xd8\xff\xd9",
    office_id=None,
    address="北京路 1 号",
)


@pytest.fixture
def orders(national: NationalGateway, clock: MovableClock, there: ExampleGateway) -> NationalCardOrders:
    """Those who make cards; a step comes when a test says so."""
    there.step_seconds = 10**6
    return NationalCardOrders(national, clock)


async def test_an_order_is_written_in_the_codes_of_the_contract(
    there: ExampleGateway, orders: NationalCardOrders
) -> None:
    assert await orders.submit(ORDER) is None

    assert there.asked == [
        (
            "card_orders.submit",
            {
                "order_no": str(ORDER.id),
                "aac002": WORKER.number,
                "aac003": WORKER.name,
                "reason": "3",
                "photo": base64.b64encode(ORDER.photo).decode(),
                "branch": None,
                "address": "北京路 1 号",
            },
        )
    ]


async def test_an_order_whose_answer_is_lost_is_taken_once(there: ExampleGateway, orders: NationalCardOrders) -> None:
    there.behave("unheard")

    assert await orders.submit(ORDER) is None
    assert [content["order_no"] for _, content in there.asked] == [str(ORDER.id)] * 2
    assert list(there.orders) == [str(ORDER.id)]


async def test_handed_in_again_and_at_once_it_is_as_good_as_done(
    there: ExampleGateway, orders: NationalCardOrders
) -> None:
    assert await asyncio.gather(*(orders.submit(ORDER) for _ in range(4))) == [None] * 4

    assert list(there.orders) == [str(ORDER.id)]


async def test_an_answer_of_another_shape_is_not_believed(there: ExampleGateway, orders: NationalCardOrders) -> None:
    await orders.submit(ORDER)
    there.orders[str(ORDER.id)].steps.append({"status": 10, "at": "yesterday"})

    with pytest.raises(CardOrdersUnavailable):
        await orders.progress(ORDER.id)


async def test_another_order_under_the_same_number_is_not_taken(orders: NationalCardOrders) -> None:
    await orders.submit(ORDER)

    with pytest.raises(CardOrdersUnavailable):
        await orders.submit(replace(ORDER, reason=CardOrderReason.LOST))


async def test_an_order_is_refused_for_good_with_a_reason(there: ExampleGateway, orders: NationalCardOrders) -> None:
    news = await orders.submit(replace(ORDER, name="王小红"))

    assert news is not None
    assert (news.stage, news.reason, news.code) == (
        CardOrderStage.FAILED,
        CardOrderFailure.DETAILS_DIFFER,
        "90/F02",
    )


async def test_steps_are_told_in_order_and_nothing_of_an_order_that_never_came(
    there: ExampleGateway, orders: NationalCardOrders
) -> None:
    before = await orders.progress(ORDER.id)
    await orders.submit(ORDER)
    taken = await orders.progress(ORDER.id)
    for status in ("10", "20"):
        there.says(str(ORDER.id), status)

    assert (before, taken) == (None, ())
    assert [news.stage for news in await orders.progress(ORDER.id) or ()] == [
        CardOrderStage.REVIEWED,
        CardOrderStage.BATCHED_TO_BANK,
    ]


@pytest.mark.parametrize("mood", ["other_order", "down", "busy", "forged", "wrong_code", "garbage", "twice"])
async def test_nothing_is_believed_of_a_gateway_that_lies(
    there: ExampleGateway, orders: NationalCardOrders, mood: str
) -> None:
    there.behave(mood)

    with pytest.raises(CardOrdersUnavailable):
        await orders.submit(ORDER)
    with pytest.raises(CardOrdersUnavailable):
        await orders.progress(ORDER.id)


@pytest.mark.parametrize(
    "refusal", [{"status": "10"}, {"status": "90", "at": "2099-01-01T00:00:00Z"}, {"status": "91"}]
)
async def test_a_refusal_that_cannot_be_is_not_believed(
    there: ExampleGateway, orders: NationalCardOrders, refusal: dict[str, str]
) -> None:
    there.refusal = refusal

    with pytest.raises(CardOrdersUnavailable):
        await orders.submit(ORDER)
