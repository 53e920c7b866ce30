"""Request ids, headers of safety, limits of size and traffic, and where a request comes from."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

import httpx
import pytest

from app import main
from app.core.errors import TooMany
from app.core.settings import Settings
from app.routers.deps import House
from app.routers.edge import JSON_BYTES, client_address
from app.routers.traffic import Traffic
from tests.factories.make import Make
from tests.factories.stores import Store

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


class TestHeaders:
    async def test_a_request_gets_an_id_of_its_own(self, client: httpx.AsyncClient) -> None:
        first, second = [(await client.get("/healthz")).headers["x-request-id"] for _ in range(2)]

        assert re.fullmatch(r"[0-9a-f]{32}", first)
        assert first != second

    async def test_the_id_it_brings_is_kept_and_named_in_problems(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/me", headers={"X-Request-Id": "app-7f3a.2_b-1"})

        assert answer.headers["x-request-id"] == "app-7f3a.2_b-1"
        assert answer.json()["request_id"] == "app-7f3a.2_b-1"

    @pytest.mark.parametrize("given", ["short", "x" * 65, "with space", "new\tline-here", "<script>alert"])
    async def test_an_id_that_is_none_is_replaced(self, client: httpx.AsyncClient, given: str) -> None:
        answer = await client.get("/healthz", headers={"X-Request-Id": given})

        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])

    @pytest.mark.parametrize("path", ["/healthz", "/v1/family", "/v1/nothing", "/problems/not-found"])
    async def test_every_answer_is_safe_in_a_browser(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)

        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers.get_list("x-request-id") == [answer.headers["x-request-id"]]

    async def test_what_is_personal_is_kept_by_nobody_in_between(self, make: Make, client: httpx.AsyncClient) -> None:
        me = await make.owner()

        for path in ("/v1/family", "/v1/holders/me/card", "/v1/holders/me/card?reveal=false", "/v1/sessions"):
            assert (await me.call("GET", path)).headers.get_list("cache-control") == ["no-store"]
        assert "cache-control" not in (await client.get("/healthz")).headers

    async def test_what_may_be_kept_says_so_itself(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/notices/own-card")

        assert "no-store" not in answer.headers["cache-control"]


class Counting(Store):
    """A store that counts how often it is asked how it is."""

    checks = 0

    async def check(self) -> None:
        self.checks += 1
        await super().check()


async def test_however_often_readiness_is_asked_for_others_are_asked_once_a_second(house: House) -> None:
    store = Counting(house.ports.store, "")
    app = main.create_app(replace(house, ports=replace(house.ports, store=store)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://escard.test") as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert store.checks < 10  # one, where the machine is quick


class TestSize:
    async def test_a_body_that_is_too_large_is_read_no_further(self, client: httpx.AsyncClient) -> None:
        body, headers = b'{"phone": "' + b"1" * JSON_BYTES, {"Content-Type": "application/json"}

        answer = await client.post("/v1/sessions", content=body, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")

    async def test_a_file_may_be_larger_than_a_form(self, make: Make) -> None:
        me = await make.owner()

        answer = await me.client.put(
            "/v1/enrolments/nothing/documents/id_card_front",
            content=b"x" * (JSON_BYTES + 1),
            headers=me.headers | {"Content-Type": "image/jpeg"},
        )

        assert answer.status_code == 404


class TestTraffic:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """A server that lets an address in three times a minute."""
        return settings.model_copy(update={"requests_per_minute": 3})

    async def test_an_address_that_asks_too_fast_is_slowed_down(self, client: httpx.AsyncClient) -> None:
        answers = [await client.get("/v1/family") for _ in range(4)]

        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        last = answers[-1]
        assert last.json()["code"] == "too-many-requests"
        assert 1 <= int(last.headers["retry-after"]) <= 60
        assert last.headers["ratelimit-policy"] == '"too-many-requests";q=3;w=60'
        assert last.headers["ratelimit"].startswith('"too-many-requests";r=0;t=')
        assert last.headers["x-request-id"]

    async def test_how_the_server_is_may_be_asked_all_the_time(self, client: httpx.AsyncClient) -> None:
        assert {(await client.get("/healthz")).status_code for _ in range(10)} == {200}

    async def test_an_ipv6_line_is_one_however_many_addresses_it_has(self, house: House) -> None:
        app, statuses = main.create_app(house), []
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:0:4::", "2001:db8:0:1::1"):
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                statuses.append((await client.get("/v1/family")).status_code)

        assert statuses == [401, 401, 401, 429, 401]

    async def test_another_address_is_another(self, house: House) -> None:
        app = main.create_app(house)
        for address in ("127.0.0.1", "127.0.0.2"):
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                answers = [await client.get("/v1/family") for _ in range(4)]
            assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


def test_a_new_minute_starts_from_nothing() -> None:
    seconds = 100.0
    traffic = Traffic(requests_per_minute=1, sms_codes_per_hour=1, seconds=lambda: seconds)
    assert traffic.is_too_fast("a") is None
    seconds = 130.5
    refusal = traffic.is_too_fast("a")
    assert refusal is not None
    assert refusal.retry_after_seconds == 30

    seconds = 160.0

    assert traffic.is_too_fast("a") is None


def test_each_channel_is_counted_by_its_own_limit() -> None:
    seconds = 100.0
    traffic = Traffic(requests_per_minute=1, sms_codes_per_hour=1, seconds=lambda: seconds)
    for _ in range(3):
        traffic.count_in_channel("free", None)
    traffic.count_in_channel("mini", 1)
    traffic.count_in_channel("bank", 1)
    seconds = 110.5
    with pytest.raises(TooMany) as refusal:
        traffic.count_in_channel("mini", 1)
    assert refusal.value.retry_after_seconds == 50
    traffic.count_in_channel("mini", 3)

    seconds = 160.0

    traffic.count_in_channel("mini", 1)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("203.0.113.9", "", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", PROXIES, "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "192.0.2.7, 198.51.100.1, 10.9.9.9", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "192.0.2.7,fd00::1", PROXIES, "192.0.2.7"),
        ("10.0.0.1", "", PROXIES, "10.0.0.1"),
        ("10.0.0.1", "not an address", PROXIES, "unknown"),
        ("10.0.0.1", "192.0.2.7, unknown", PROXIES, "unknown"),
        ("10.0.0.1", "192.0.2.7, unknown, 10.0.0.2", PROXIES, "unknown"),
        ("10.0.0.1", "203.0.113.5:4711", PROXIES, "203.0.113.5"),
        ("10.0.0.1", "203.0.113.5:port", PROXIES, "unknown"),
        ("10.0.0.1", "[2001:db8::1]:443", PROXIES, "2001:db8::1"),
        ("10.0.0.1", "[2001:DB8:0::1]", PROXIES, "2001:db8::1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2:80", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "::ffff:198.51.100.1", PROXIES, "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("::ffff:203.0.113.9", "", (), "203.0.113.9"),
        ("10.0.0.1", "10.0.0.2", PROXIES, "10.0.0.1"),
        (None, "", (), "unknown"),
        (None, "", PROXIES, "unknown"),
    ],
)
def test_only_trusted_proxies_are_believed(
    peer: str | None, forwarded: str, trusted: Sequence[IPv4Network | IPv6Network], address: str
) -> None:
    scope = {"type": "http", "client": (peer, 1) if peer else None}

    assert client_address(scope, forwarded, trusted) == address


async def test_the_address_alone_leads_people_to_what_they_can_read(client: httpx.AsyncClient) -> None:
    led = await client.get("/")
    read = await client.get(led.headers["location"])

    assert (led.status_code, led.headers["location"]) == (307, "/docs")
    assert read.headers["content-type"].startswith("text/html")
