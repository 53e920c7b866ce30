"""Pages of other origins: those that are named exactly may call, from a browser, and bring nothing but their token."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from app import main
from app.routers.deps import House

PAGE = "https://page.example"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


@pytest.fixture
async def open_to_page(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A server that names one origin."""
    settings = house.settings.model_copy(update={"cors_origins": (PAGE,)})
    transport = httpx.ASGITransport(main.create_app(replace(house, settings=settings)))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield client


async def preflight(client: httpx.AsyncClient, origin: str) -> httpx.Response:
    return await client.options("/v1/sharing/bindings", headers={"Origin": origin, **ASKED})


async def test_a_page_of_the_named_origin_may_ask_and_read_what_it_needs(open_to_page: httpx.AsyncClient) -> None:
    allowed = await preflight(open_to_page, PAGE)
    answer = await open_to_page.get("/v1/notices/account-sharing", headers={"Origin": PAGE})

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == answer.headers["access-control-allow-origin"] == PAGE
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert "Origin" in answer.headers["vary"]
    exposed = answer.headers["access-control-expose-headers"]
    assert {"Idempotency-Replayed", "Retry-After", "WWW-Authenticate"} <= set(exposed.split(", "))
    assert not [name for answered in (allowed, answer) for name in answered.headers if "credentials" in name]


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://page.example.evil.example",
        "http://page.example",
        "https://page.example:8443",
        "https://x.example",
    ],
)
async def test_no_other_origin_is_let_in(open_to_page: httpx.AsyncClient, origin: str) -> None:
    refused = await preflight(open_to_page, origin)
    answer = await open_to_page.get("/v1/notices/account-sharing", headers={"Origin": origin})

    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [PAGE, "null"])
async def test_by_default_there_is_none(client: httpx.AsyncClient, origin: str) -> None:
    refused = await preflight(client, origin)
    answer = await client.get("/v1/notices/account-sharing", headers={"Origin": origin})

    assert refused.status_code == 405
    assert not [name for answered in (refused, answer) for name in answered.headers if "access-control" in name]
