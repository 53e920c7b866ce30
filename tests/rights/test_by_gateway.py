"""The whole way: two authorities behind gateways of their own, each of which may fail in its way."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app import main
from app.adapters.images.workers import WorkerImages
from app.adapters.insurance.plans import Plan
from app.adapters.keys.file import FileKeys
from app.adapters.papers.workers import WorkerPapers
from app.core.clock import SystemClock
from app.core.settings import Settings
from app.main import chosen
from app.ports.insurance import Authority
from app.routers.deps import House
from tests import cluster
from tests.factories.adding import refused, set_policy
from tests.factories.authorities import JSON, SECRET, AuthorityGateway, endless
from tests.factories.houses import build
from tests.factories.insured import AT_WORK, MEDICAL, PENSION
from tests.factories.make import Holder, Make
from tests.factories.servers import loopback_client, serving

MINE = "/v1/holders/me/rights"
WORK, CARE = Authority.HUMAN_RESOURCES, Authority.HEALTHCARE_SECURITY
Gateways = Mapping[Authority, AuthorityGateway]


@pytest.fixture
def gateways() -> Gateways:
    return {each: AuthorityGateway(SystemClock()) for each in Authority}


@pytest.fixture
def milliseconds() -> int:
    """How long an authority may take."""
    return 30_000


@pytest.fixture
async def house(
    database: cluster.Database,
    settings: Settings,
    keys: FileKeys,
    images: WorkerImages,
    gateways: Gateways,
    milliseconds: int,
) -> AsyncIterator[House]:
    await set_policy(database, "rights", deadline_milliseconds=milliseconds)
    secret = f"whsec_{base64.b64encode(SECRET).decode()}"
    async with (
        serving(gateways[WORK].app) as work,
        serving(gateways[CARE].app) as care,
        loopback_client() as client,
    ):
        settings = Settings.model_validate(
            settings.model_dump()
            | {
                "insurance_adapter": "gateway",
                "insurance_human_resources": {"endpoint": work, "secrets": secret},
                "insurance_healthcare_security": {"endpoint": care, "secrets": secret},
            }
        )
        built = build(settings, database.app_url, keys, images=images, papers=WorkerPapers(images.pool))
        records = chosen.insurance(settings, built.db, None, built.db.clock, client)
        async with main.opened(replace(built, ports=replace(built.ports, insurance=records))) as house:
            yield house


@pytest.fixture
async def me(make: Make, gateways: Gateways) -> Holder:
    holder = await make.owner()
    gateways[WORK].plans = {holder.registered.number: Plan((PENSION,))}
    gateways[CARE].plans = {holder.registered.number: Plan((MEDICAL,), AT_WORK.incomes)}
    return holder


async def entries(holder: Holder) -> dict[str, JSON]:
    return {each["insurance"]: each for each in (await holder.read(MINE))["insurances"]}


async def test_both_are_read_and_numbers_are_in_no_address(me: Holder, gateways: Gateways) -> None:
    found = await entries(me)

    assert found["pension"]["schemes"][0]["base"] == "12000.00"
    assert found["medical"]["schemes"][0]["scheme"] == "310"
    assert all(each["missing"] is None for each in found.values())
    for gateway in gateways.values():
        assert gateway.asked == [("/participations", {"aac002": me.registered.number})]


def somebody_elses(answer: JSON) -> JSON:
    return answer | {"aac002": "100101199001010018"}


def twice(answer: JSON) -> JSON:
    return answer | {"items": answer["items"] * 2}


def below_nothing(answer: JSON) -> JSON:
    return answer | {"items": [each | {"balance": "-1.00"} for each in answer["items"]]}


@pytest.mark.parametrize("lie", [somebody_elses, twice, below_nothing])
async def test_one_that_lies_is_not_shown_and_hides_nothing_of_the_other(
    me: Holder, gateways: Gateways, lie: Callable[[JSON], JSON]
) -> None:
    gateways[CARE].change = lie

    found = await entries(me)

    assert (found["medical"]["schemes"], found["medical"]["missing"]["reason"]) == (None, "not_understood")
    assert found["pension"]["schemes"]
    refused(await me.call("GET", f"{MINE}/medical"), 503, "insurance-records-unavailable")


async def test_the_answer_about_one_person_is_not_taken_for_another(me: Holder, make: Make, gateways: Gateways) -> None:
    kept: list[Response] = []

    def again(request: Request, body: bytes) -> Response:
        kept.append(gateways[WORK].signed(request, body))
        return kept[0]

    gateways[WORK].send = again
    other = await make.owner()
    assert (await entries(me))["pension"]["schemes"]

    found = await entries(other)

    assert (found["pension"]["schemes"], found["pension"]["missing"]["reason"]) == (None, "not_understood")


@pytest.mark.parametrize("milliseconds", [500])
async def test_a_slow_one_is_given_up_and_its_late_answer_is_nobodys(me: Holder, gateways: Gateways) -> None:
    held = gateways[WORK].waits = asyncio.Event()
    found = await entries(me)
    assert found["pension"]["missing"]["reason"] == "too_slow"

    held.set()
    gateways[WORK].waits = None

    async with asyncio.timeout(60):  # on a busy machine half a second may be too short more than once
        while not (await entries(me))["pension"]["schemes"]:
            pass


async def test_a_huge_or_broken_one_is_no_answer(me: Holder, gateways: Gateways) -> None:
    gateways[WORK].send = endless
    gateways[CARE].status = 500

    problem = refused(await me.call("GET", MINE), 503, "insurance-records-unavailable")

    assert problem["retry_after_seconds"] == 60
    assert me.registered.number not in str(problem)
