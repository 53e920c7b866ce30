"""Keys are replaced while people are signed in: what was written under the old ones is still found and opened."""

import base64
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.callers import SOMEBODY, refresh, sign_in, sign_in_by_code
from tests.factories.houses import build, make_keys
from tests.factories.phone import PASSWORD, Phone

Serve = Callable[[], AbstractAsyncContextManager[tuple[httpx.AsyncClient, House]]]


@pytest.fixture
def held_keys(tmp_path: Path) -> Path:
    make_keys(tmp_path / "ring" / "keys.json")
    return tmp_path / "ring" / "keys.json"


@pytest.fixture
def serve(database: Database, settings: Settings, held_keys: Path) -> Serve:
    @asynccontextmanager
    async def serving() -> AsyncIterator[tuple[httpx.AsyncClient, House]]:
        async with main.opened(build(settings, database.app_url, FileKeys.read(held_keys))) as house:
            transport = httpx.ASGITransport(main.create_app(house))
            async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
                yield client, house

    return serving


def add_newer(held_keys: Path, *kinds: str) -> None:
    ring = json.loads(held_keys.read_text())
    for kind in kinds:
        ring[kind][str(max(map(int, ring[kind])) + 1)] = base64.b64encode(os.urandom(32)).decode()
    held_keys.write_text(json.dumps(ring))


def take_away_oldest(held_keys: Path, kind: str) -> str:
    """Take a key out of the ring; return the ring as it was."""
    whole = held_keys.read_text()
    ring = json.loads(whole)
    del ring[kind][min(ring[kind])]
    held_keys.write_text(json.dumps(ring))
    return whole


def put_back(held_keys: Path, whole: str) -> None:
    held_keys.write_text(whole)


async def test_people_sign_in_and_are_known_on_their_devices_after_a_rotation(serve: Serve, held_keys: Path) -> None:
    async with serve() as (client, house):
        phone = Phone(client, house, SOMEBODY)
        await phone.register()
    add_newer(held_keys, "peppers", "wrapping")

    async with serve() as (client, _):
        phone.client = client
        still_signed_in = await phone.call("GET", "/v1/me")
        refreshed = await refresh(client, phone.tokens["refresh_token"])
        by_password = await sign_in(phone, password=PASSWORD)
        by_code = await sign_in_by_code(phone)
        me = await phone.call("GET", "/v1/me")
        devices = (await phone.call("GET", "/v1/devices")).json()["items"]

    assert (still_signed_in.json()["phone"], refreshed.status_code) == ("100****9001", 200)
    assert (by_password.status_code, by_code.status_code) == (201, 201)
    assert me.json()["assurance"] == "full"
    assert [device["name"] for device in devices] == ["Test phone"]


async def test_a_wrapping_key_taken_away_too_early_is_our_fault_and_loses_nothing(
    serve: Serve, held_keys: Path
) -> None:
    async with serve() as (client, house):
        phone = Phone(client, house, SOMEBODY)
        await phone.register()
    add_newer(held_keys, "wrapping")
    whole = take_away_oldest(held_keys, "wrapping")

    async with serve() as (client, _):
        phone.client = client
        without = await phone.call("GET", "/v1/me")
    put_back(held_keys, whole)
    async with serve() as (client, _):
        phone.client = client
        restored = await phone.call("GET", "/v1/me")

    assert (without.status_code, without.json()["code"]) == (503, "unavailable")
    assert restored.json()["phone"] == "100****9001"
