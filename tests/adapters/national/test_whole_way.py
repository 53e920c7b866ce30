"""The whole way through the national gateway: card, rights, a new card, payments, and what happens when it is down."""

from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest
from national_gateway import ExampleGateway
from national_people import demo

from app import main
from app.adapters.images.workers import WorkerImages
from app.adapters.keys.file import FileKeys
from app.adapters.papers.workers import WorkerPapers
from app.adapters.register.demo import people as demo_people
from app.cli.demo import load
from app.core.clock import SystemClock, today
from app.core.settings import Settings
from app.ports.register import TestPerson
from app.routers.deps import House
from tests import cluster
from tests.card_orders.playing import Ordering
from tests.factories.adding import ok, refused
from tests.factories.houses import build
from tests.factories.make import Make
from tests.factories.national import KEY_TEXT, SECRET_TEXT, meet, national_settings
from tests.factories.passing import Time
from tests.factories.paying import PREVIEWS, draw, give_back, order, redeemed
from tests.factories.phone import Phone
from tests.factories.servers import serving
from tests.factories.staff import hire as hire
from tests.factories.terminals import Install
from tests.factories.terminals import install as install

OWNER_PHONE = "10000000001"


@pytest.fixture
def there() -> ExampleGateway:
    """The gateway, which knows the people of the demo."""
    return ExampleGateway("escard", [SECRET_TEXT], demo(), keys=[KEY_TEXT])


@pytest.fixture
async def house(
    database: cluster.Database, settings: Settings, keys: FileKeys, images: WorkerImages, there: ExampleGateway
) -> AsyncIterator[House]:
    """A house whose own register knows nobody, and which asks the gateway for everything."""
    async with serving(there.app()) as address:
        changed = settings.model_copy(
            update={
                "national_gateway": national_settings(f"{address}/", encryption_keys=KEY_TEXT),
                "register_adapter": "gateway",
                "insurance_adapter": "national",
                "card_orders_adapter": "national",
                "medical_funds_adapter": "national",
            }
        )
        built = build(changed, database.app_url, keys, images=images, papers=WorkerPapers(images.pool))
        there.now = lambda: built.ports.clock.now().timestamp()
        async with main.opened(built) as house:
            yield house


@pytest.fixture
def somebody() -> TestPerson:
    """The owner of the demo."""
    person = next(each for each in demo_people(today(SystemClock().now())) if each.label == "owner").person
    return TestPerson("owner", person.name, person.number, "", None, person.birth_date, person.phone, "")


async def circuits(client: httpx.AsyncClient) -> set[str]:
    metrics = (await client.get("/metrics")).text.splitlines()
    return {line for line in metrics if line.startswith("escard_national_gateway_circuit") and line.endswith(" 1.0")}


async def test_somebody_whom_only_the_gateway_knows_gets_a_card_and_sees_their_rights(
    client: httpx.AsyncClient, house: House, there: ExampleGateway, somebody: TestPerson
) -> None:
    me = Phone(client, house, OWNER_PHONE)
    await me.register()
    await me.own_card(somebody)
    card = ok(await me.call("GET", "/v1/holders/me/card"))
    pension = ok(await me.call("GET", "/v1/holders/me/rights/pension"))

    assert card["physical_card"] == "normal"
    assert pension["as_of"] is not None
    assert {method for method, _ in there.asked} >= {"register.find", "register.portrait", "rights.participations"}


async def test_a_card_is_ordered_once_though_the_answer_was_lost_and_the_e_card_follows_the_new_one(
    make: Make, house: House, there: ExampleGateway
) -> None:
    me, time = await make.owner(name="王志远"), Time(house)
    meet(there, me.registered)
    there.people.said[me.registered.number]["aaz502"] = "2"
    mine = Ordering(me)
    order_id = await mine.order(reason="lost", address="北京路 1 号 3 单元 王志远")
    there.behave("unheard")
    await time.work()
    taken = list(there.orders)
    await time.pass_by(hours=6)

    assert taken == [order_id]
    assert (await mine.states(order_id))[-2:] == ["at_branch", "collected"]
    assert [method for method, _ in there.asked].count("card_orders.submit") == 2
    assert (await me.read("/v1/holders/me/card"))["physical_card"] == "normal"


async def test_a_payment_is_made_and_given_back_once_though_the_answers_were_lost(
    make: Make, install: Install, there: ExampleGateway
) -> None:
    me, till = await make.owner(), await install("till-1")
    meet(there, me.registered)
    there.funds.credit(me.registered.number, Decimal("50.00"))
    body = order(await redeemed(till, me), "10.00")
    preview = ok(await me.call("POST", PREVIEWS, {"amount": "10.00"}))
    there.behave("down")
    refused(await draw(till, body), 503, "medical-funds-unavailable")
    there.behave("unheard")
    made = ok(await draw(till, body))
    left = there.funds.balances[me.registered.number]
    there.behave("unheard")
    ok(await give_back(till, made["id"]))

    assert (preview["covered"], made["own"], left) == ("10.00", "10.00", Decimal("40.00"))
    assert list(there.funds.orders) == [made["id"]]
    assert there.funds.balances[me.registered.number] == Decimal("50.00")


async def test_the_people_of_the_demo_are_shown_where_another_register_is_asked(
    client: httpx.AsyncClient, house: House, there: ExampleGateway
) -> None:
    await load(house)

    shown = {each["social_security_number"] for each in (await client.get("/dev/people")).json()["items"]}

    assert shown == there.people.said.keys()


async def test_a_gateway_that_is_down_is_said_to_be_and_nothing_typed_is_lost(
    client: httpx.AsyncClient, house: House, there: ExampleGateway, somebody: TestPerson
) -> None:
    me = Phone(client, house, OWNER_PHONE)
    await me.register()
    enrolment = await me.open("own_card")
    await me.acknowledge(enrolment, "own-card")
    details = {"name": somebody.name, "social_security_number": somebody.number}

    there.behave("down")
    for _ in range(3):
        refused(await me.call("PUT", f"{enrolment}/details", details), 503, "register-unavailable")
    open_then = await circuits(client)
    ready = (await client.get("/readyz")).json()
    there.behave("answers")

    assert 'escard_national_gateway_circuit{group="register",state="open"} 1.0' in open_then
    assert 'escard_national_gateway_circuit{group="card_orders",state="closed"} 1.0' in open_then
    assert ready == {"status": "ready"}
    assert (await me.read(enrolment))["state"] == "details_pending"
