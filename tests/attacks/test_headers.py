"""A forged `X-Forwarded-For` gives nobody another address, however proxies pass it on."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app import main
from app.core.settings import Settings
from app.routers.deps import House


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server behind a proxy that asks few codes of one address."""
    return Settings.model_validate(
        {"data_folder": tmp_path, "trusted_proxies": ["127.0.0.1/32"], "sms_codes_per_hour_and_address": 2}
    )


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The proxy."""
    transport = httpx.ASGITransport(main.create_app(house), client=("127.0.0.1", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield client


@pytest.mark.parametrize("is_one_line", [True, False], ids=["one line", "a line of its own"])
async def test_a_forged_address_is_not_counted_apart(client: httpx.AsyncClient, *, is_one_line: bool) -> None:
    statuses = []
    for number in range(4):
        forged, real = f"198.51.100.{number}", "203.0.113.9"
        lines = [f"{forged}, {real}"] if is_one_line else [forged, real]
        asked = await client.post(
            "/v1/sms-codes",
            json={"phone": f"1000000900{number}", "purpose": "register"},
            headers=[("X-Forwarded-For", line) for line in lines],
        )
        statuses.append(asked.status_code)

    assert statuses == [202, 202, 429, 429]


async def test_a_path_with_a_slash_too_many_sends_nobody_to_another_address(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/notices/own-card/", headers={"Host": "elsewhere.test"})

    assert (answer.status_code, answer.headers.get("location")) == (404, None)
