"""Card orders through a real HTTP gateway: down, slow, lying; each time with the one right outcome."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from app.core.db import Database
from app.core.settings import Settings
from app.core.settings.groups import GatewaySettings
from app.routers.deps import House
from app.services import files
from app.services.card_orders import submitting
from tests.card_orders.makers import Makers
from tests.card_orders.playing import OFFICE, Ordering
from tests.factories.adding import later
from tests.factories.passing import Time
from tests.factories.servers import serving
from tests.transfers.places import SECRET_TEXT

JSON = dict[str, Any]


@pytest.fixture
async def makers() -> AsyncIterator[Makers]:
    """The gateway, served on loopback."""
    gateway = Makers()
    async with serving(gateway.app) as address:
        gateway.address = address
        yield gateway


@pytest.fixture
def settings(tmp_path: Path, makers: Makers) -> Settings:
    """A house that asks the gateway."""
    return Settings(
        data_folder=tmp_path,
        database_connections=20,
        requests_per_minute=100_000,
        card_orders_adapter="gateway",
        card_orders_gateway=GatewaySettings(
            endpoint=makers.address, secrets=SecretStr(SECRET_TEXT), timeout_seconds=30
        ),
    )


@pytest.fixture
def time(house: House, makers: Makers) -> Time:
    """The worker and the clock, which those who make cards look at too."""
    makers.clock = house.ports.clock
    return Time(house)


async def test_an_order_carries_who_why_where_to_and_the_photo(mine: Ordering, makers: Makers, time: Time) -> None:
    order_id = await mine.order("damaged")
    await time.work()

    order = makers.orders[order_id]
    photo = base64.b64decode(order.pop("photo"))
    assert order == {
        "order_no": order_id,
        "aac002": mine.who.registered.number,
        "aac003": "王志远",
        "reason": "3",
        "branch": OFFICE,
        "address": None,
    }
    assert photo.startswith(b"\xff\xd8\xff")


async def test_an_address_goes_to_those_who_send_the_card(mine: Ordering, makers: Makers, time: Time) -> None:
    order_id = await mine.order(address="北京路 1 号 3 单元 王志远")
    await time.work()

    assert (makers.orders[order_id]["address"], makers.orders[order_id]["branch"]) == (
        "北京路 1 号 3 单元 王志远",
        None,
    )


async def test_a_gateway_that_is_down_or_whose_answers_are_lost_has_one_order_in_the_end(
    mine: Ordering, makers: Makers, time: Time
) -> None:
    order_id = await mine.order()
    makers.is_down = True
    await time.work()
    makers.is_down, makers.is_mute = False, True
    await time.pass_by(minutes=1)
    makers.is_mute = False
    await time.pass_by(minutes=1)

    assert (list(makers.orders), makers.submissions) == ([order_id], 2)
    assert (await mine.read(order_id))["as_of"] is not None


async def test_events_that_are_told_again_and_at_once_change_nothing_more(
    mine: Ordering, db: Database, house: House, makers: Makers, time: Time
) -> None:
    order_id = await mine.order()

    await asyncio.gather(*(submitting.carry(db, house.ports, UUID(order_id)) for _ in range(3)))
    await submitting.carry(db, house.ports, UUID(order_id))
    makers.says(order_id, "10")
    await later(house, hours=2)
    await asyncio.gather(*(time.work() for _ in range(3)))

    assert len(makers.orders) == 1
    assert await mine.states(order_id) == ["submitted", "reviewed"]


async def test_an_order_refused_at_once_has_failed_and_its_photo_goes(
    mine: Ordering, makers: Makers, time: Time
) -> None:
    makers.refusal = {"status": "90", "reason": "F01"}
    order_id = await mine.order()
    await time.work()

    read = await mine.read(order_id)
    assert (read["state"], read["timeline"][-1]["reason"], read["photo_until"]) == ("failed", "photo_refused", None)


def then(**step: str) -> Any:
    """One step more than was said, as the last one but for this."""
    return lambda said: said | {"steps": [*said["steps"], said["steps"][-1] | step]}


@pytest.mark.parametrize(
    "lie",
    [
        lambda said: said | {"steps": []},
        then(status="60"),
        then(status="11"),
        then(status="20", at="2099-01-01T00:00:00Z"),
        then(status="20", at="2020-01-01T00:00:00Z"),
        lambda said: said | {"order_no": "00008d11-0000-8000-8000-000000000000"},
        lambda said: {},
    ],
    ids=["goes back", "skips", "unknown", "future", "past", "another order", "nothing"],
)
async def test_a_gateway_that_lies_changes_nothing_and_is_asked_again(
    mine: Ordering, makers: Makers, time: Time, lie: Any
) -> None:
    order_id = await mine.order()
    await time.work()
    makers.says(order_id, "10")
    await time.pass_by(hours=2)
    honest = await mine.read(order_id)
    makers.lie = lie
    await time.pass_by(hours=2)
    lied = await mine.read(order_id)
    makers.lie = None
    makers.says(order_id, "20")
    await time.pass_by(hours=6)

    assert lied == honest
    assert await mine.states(order_id) == ["submitted", "reviewed", "batched_to_bank"]


async def test_a_gateway_that_forgets_an_order_it_has_taken_is_not_believed(
    mine: Ordering, makers: Makers, time: Time
) -> None:
    order_id = await mine.order()
    await time.work()
    del makers.steps[order_id]
    await time.pass_by(hours=2)

    assert await mine.states(order_id) == ["submitted"]


@pytest.mark.parametrize("was_taken", [True, False], ids=["taken", "never taken"])
async def test_a_photo_that_had_to_be_deleted_in_doubt_makes_us_ask_whether_they_have_the_order(
    mine: Ordering, makers: Makers, house: House, db: Database, time: Time, *, was_taken: bool
) -> None:
    order_id = await mine.order()
    makers.is_down, makers.is_mute = not was_taken, was_taken
    await time.work()
    await time.pass_by(days=7, minutes=1)
    await files.sweep(db, house.ports.store)
    makers.is_down = makers.is_mute = False
    await time.pass_by(hours=2)

    read = await mine.read(order_id)
    if was_taken:
        assert (read["state"], read["as_of"] is not None) == ("submitted", True)
    else:
        assert (read["state"], read["timeline"][-1]["reason"]) == ("failed", "photo_gone")
