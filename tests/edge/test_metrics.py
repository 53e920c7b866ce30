"""What monitoring reads: true counts, a closed set of labels, nothing of anybody, and only for those who may."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.houses import build
from tests.factories.make import Make


async def counted(client: httpx.AsyncClient) -> dict[tuple[str, str, str], int]:
    """How many requests were counted, by method, route and status."""
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): int(sample.value)
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "escard_request_seconds_count"
    }


async def test_requests_are_counted_by_the_template_of_their_route(make: Make, client: httpx.AsyncClient) -> None:
    me = await make.owner()
    link = await make.member(me)

    for path in (f"/v1/family/members/{link.link_id}", "/v1/family", "/v1/family", "/v1/nothing/13900000001"):
        await me.call("GET", path)
    await client.get("/v1/family")

    assert await counted(client) == {
        ("GET", "/v1/family/members/{link_id}", "200"): 1,
        ("GET", "/v1/family", "200"): 2,
        ("GET", "/v1/family", "401"): 1,
        ("GET", "none", "404"): 1,
    }


async def test_nobody_makes_up_labels(client: httpx.AsyncClient) -> None:
    for method in ("BREW", "FETCH"):
        await client.request(method, "/v1/family")

    assert {method for method, _, _ in await counted(client)} == {"other"}


async def test_what_the_process_takes_is_told(client: httpx.AsyncClient) -> None:
    names = {family.name for family in text_string_to_metric_families((await client.get("/metrics")).text)}

    assert {"process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds"} <= names


@pytest.mark.parametrize(
    ("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404), ("testclient", 404)]
)
async def test_the_world_has_no_metrics(house: House, peer: str, status: int) -> None:
    transport = httpx.ASGITransport(main.create_app(house), client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        assert (await client.get("/metrics")).status_code == status


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
async def test_nor_has_the_world_behind_a_proxy_of_this_machine(house: House, header: str) -> None:
    transport = httpx.ASGITransport(main.create_app(house), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        assert (await client.get("/metrics", headers={header: "127.0.0.1"})).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Forwarded-For": "192.0.2.7"}, 404),
        ({"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}, 404),
        ({"X-Forwarded-For": "192.0.2.7:4711"}, 404),
        ({"X-Forwarded-For": "garbage"}, 404),
        ({"Via": "1.1 proxy"}, 404),
        ({"X-Forwarded-For": "127.0.0.2", "Via": "1.1 proxy"}, 200),
        ({}, 200),
    ],
)
async def test_a_trusted_proxy_tells_for_whom(house: House, headers: dict[str, str], status: int) -> None:
    settings = house.settings.model_copy(update={"trusted_proxies": (ip_network("127.0.0.1/32"),)})
    transport = httpx.ASGITransport(main.create_app(replace(house, settings=settings)), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        assert (await client.get("/metrics", headers=headers)).status_code == status


async def test_other_networks_are_let_in_by_a_setting(database: Database, keys: FileKeys, tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_folder": tmp_path, "metrics_networks": ["192.0.2.0/24"]})
    async with main.opened(build(settings, database.app_url, keys)) as house:
        app = main.create_app(house)
        seen = []
        for peer in ("192.0.2.7", "127.0.0.1"):
            transport = httpx.ASGITransport(app, client=(peer, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                seen.append((await client.get("/metrics")).status_code)

    assert seen == [200, 404]
