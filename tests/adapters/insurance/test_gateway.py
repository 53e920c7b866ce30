"""An authority that is down, slow, or says what cannot be: no answer of it is believed, and never another's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.adapters.insurance import demo
from app.adapters.insurance.gateway import GatewayInsurance
from app.core.clock import MovableClock, today
from app.ports.insurance import Authority, Insurance, InsuranceUnavailable, Month, Silence
from tests.adapters.insurance.test_promises import PENSIONER, WORKER
from tests.factories.authorities import JSON, AuthorityGateway, endless, gateway_settings
from tests.factories.servers import loopback_client, serving

CLOCK = MovableClock()
PAID, GOT, INSURED = "contributions", "benefits", "participations"


@pytest.fixture
def there() -> AuthorityGateway:
    found = demo.plans((WORKER, PENSIONER), today(CLOCK.now()))
    gateway = AuthorityGateway(CLOCK)
    gateway.plans = {number: plan for (number, who), plan in found.items() if who is Authority.HUMAN_RESOURCES}
    return gateway


@pytest.fixture
async def records(there: AuthorityGateway) -> AsyncIterator[GatewayInsurance]:
    async with serving(there.app) as address, loopback_client() as client:
        yield made(address, client)


def made(address: str, client: httpx.AsyncClient, **settings: Any) -> GatewayInsurance:
    return GatewayInsurance(Authority.HUMAN_RESOURCES, gateway_settings(address, **settings), CLOCK, client)


async def silence(records: GatewayInsurance, what: str = INSURED) -> Silence:
    with pytest.raises(InsuranceUnavailable) as refused:
        await ask(records, what)
    return refused.value.silence


async def ask(records: GatewayInsurance, what: str) -> object:
    if what == INSURED:
        return await records.participations(WORKER.number)
    if what == PAID:
        return await records.contributions(WORKER.number, Insurance.PENSION)
    return await records.benefits(PENSIONER.number, Insurance.PENSION)


async def test_it_asks_by_the_number_alone_and_signed(there: AuthorityGateway, records: GatewayInsurance) -> None:
    for what in (INSURED, PAID, GOT):
        await ask(records, what)

    assert there.asked == [
        ("/participations", {"aac002": WORKER.number}),
        ("/contributions", {"aac002": WORKER.number, "insurance": "pension"}),
        ("/benefits", {"aac002": PENSIONER.number, "insurance": "pension"}),
    ]


def item(**values: object) -> Callable[[JSON], object]:
    return lambda answer: answer | {"items": [answer["items"][0] | values, *answer["items"][1:]]}


def whole(**values: object) -> Callable[[JSON], object]:
    return lambda answer: answer | values


def without(name: str) -> Callable[[JSON], object]:
    return lambda answer: {key: value for key, value in answer.items() if key != name}


NEXT = Month.of(today(CLOCK.now())).after(2)
LATER = f"{NEXT.year}{NEXT.month:02}"
LIES: Mapping[str, tuple[str, Callable[[JSON], object]]] = {
    "of somebody else": (INSURED, whole(aac002=PENSIONER.number)),
    "of nobody": (PAID, without("aac002")),
    "of tomorrow": (GOT, lambda answer: answer | {"as_of": (CLOCK.now() + timedelta(days=1)).isoformat()}),
    "of no time": (INSURED, whole(as_of="2026-11-22T05:00:00")),
    "no list": (INSURED, whole(items={})),
    "a list of nothing": (PAID, whole(items=[None])),
    "no object": (INSURED, lambda _: []),
    "no JSON": (INSURED, lambda _: b"<html>\xff"),
    "twice": (INSURED, lambda _: b"{}{}"),
    "the same scheme twice": (INSURED, lambda answer: answer | {"items": answer["items"][:1] * 2}),
    "a month twice": (PAID, lambda answer: answer | {"items": answer["items"] + answer["items"][:1]}),
    "an unknown scheme": (INSURED, item(aae140="999")),
    "the other authority's scheme": (INSURED, item(aae140="310")),
    "another insurance": (PAID, item(aae140="210")),
    "an unknown status": (INSURED, item(aac031="4")),
    "a status as a number": (INSURED, item(aac031=1)),
    "months as text": (INSURED, item(aae201="12")),
    "months below nothing": (INSURED, item(aae201=-1)),
    "a month to come": (PAID, item(aae002=LATER)),
    "a pension to come": (GOT, item(aae002=LATER)),
    "paid up to a month to come": (INSURED, item(aae042=LATER)),
    "a thirteenth month": (PAID, item(aae002="202513")),
    "begun after its end": (INSURED, item(aae041="202510", aae042="202509")),
    "arrived on a day to come": (PAID, item(arrived_on="2199-01-01")),
    "arrived on no day": (PAID, item(arrived_on="2025-02-30")),
    "money below nothing": (PAID, item(personal="-1.00")),
    "money as a number": (PAID, item(personal=960.0)),
    "money without fen": (GOT, item(amount="960")),
    "money beyond measure": (GOT, item(amount="9" * 13 + ".00")),
    "money that is none": (GOT, item(amount="NaN")),
    "an unknown benefit": (GOT, item(kind="lottery")),
    "a place that is none": (INSURED, item(aab301="example")),
    "an employer without end": (PAID, item(aab004="厂" * 101)),
    "too many months": (GOT, lambda answer: answer | {"items": answer["items"] * 40}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_cannot_be_is_not_believed(there: AuthorityGateway, records: GatewayInsurance, lie: str) -> None:
    what, there.change = LIES[lie]

    assert await silence(records, what) is Silence.NOT_UNDERSTOOD


@pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 403, 404, 422])
async def test_another_status_is_no_answer(there: AuthorityGateway, records: GatewayInsurance, status: int) -> None:
    there.status = status

    assert await silence(records) is Silence.NOT_UNDERSTOOD


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_not_now_is_not_now(there: AuthorityGateway, records: GatewayInsurance, status: int) -> None:
    there.status = status

    assert await silence(records) is Silence.NO_ANSWER


async def test_without_a_signature_nothing_is_believed(there: AuthorityGateway, records: GatewayInsurance) -> None:
    there.send = lambda _, body: Response(body, media_type="application/json")

    assert await silence(records) is Silence.NOT_UNDERSTOOD


async def test_nor_with_anothers(there: AuthorityGateway, records: GatewayInsurance) -> None:
    there.send = lambda request, body: there.signed(request, body, secret=bytes(32))

    assert await silence(records) is Silence.NOT_UNDERSTOOD


async def test_an_earlier_answer_given_twice_is_not_believed(
    there: AuthorityGateway, records: GatewayInsurance
) -> None:
    kept: list[Response] = []

    def again(request: Request, body: bytes) -> Response:
        kept.append(there.signed(request, body))
        return kept[0]

    there.send = again

    assert await records.participations(WORKER.number)
    assert await silence(records) is Silence.NOT_UNDERSTOOD


async def test_an_answer_signed_an_hour_ago_is_not_believed(there: AuthorityGateway, records: GatewayInsurance) -> None:
    old = MovableClock()
    old.advance = timedelta(hours=-1)
    there.send = lambda request, body: AuthorityGateway(old).signed(request, body)

    assert await silence(records) is Silence.NOT_UNDERSTOOD


async def test_a_huge_answer_is_broken_off(there: AuthorityGateway, records: GatewayInsurance) -> None:
    there.send = endless

    assert await silence(records) is Silence.NO_ANSWER


async def test_it_is_led_nowhere_else(there: AuthorityGateway, records: GatewayInsurance) -> None:
    there.send = lambda request, _: RedirectResponse(str(request.url))

    assert await silence(records) is Silence.NOT_UNDERSTOOD
    assert len(there.asked) == 1


async def test_a_slow_one_is_given_up(there: AuthorityGateway) -> None:
    there.waits = asyncio.Event()
    async with serving(there.app) as address, loopback_client() as client:
        try:
            assert await silence(made(address, client, seconds=0.2)) is Silence.NO_ANSWER
        finally:
            there.waits.set()


async def test_nobody_there_is_no_answer() -> None:
    async with loopback_client() as client:
        assert await silence(made("http://127.0.0.1:9", client)) is Silence.NO_ANSWER
