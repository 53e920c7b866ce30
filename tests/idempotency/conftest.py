"""A house whose password work can be held up, so that a request can be caught on its way."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.core.settings import Settings
from app.ports.keys import Purpose
from app.routers.deps import House
from tests.cluster import Database
from tests.factories.callers import SOMEBODY
from tests.factories.gates import GatedPasswords
from tests.factories.houses import QUICK
from tests.factories.phone import PASSWORD, Phone


@pytest.fixture
async def house(database: Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    built = main.build(settings, database.app_url, keys=keys)
    gated = dataclasses.replace(
        built, passwords=GatedPasswords(keys.secret(Purpose.PASSWORD_PEPPER), settings.cipher_suite, cost=QUICK)
    )
    async with main.opened(gated) as house:
        yield house


@pytest.fixture
def gate(house: House) -> GatedPasswords:
    assert isinstance(house.passwords, GatedPasswords)
    return house.passwords


@pytest.fixture
def somebody(client: httpx.AsyncClient, house: House) -> Phone:
    return Phone(client, house, SOMEBODY)


async def post_account(phone: Phone, key: str | None, **body: Any) -> httpx.Response:
    """Register with what a test wants to be particular about."""
    asked = {
        "phone": phone.number,
        "password": PASSWORD,
        "device": {"id": phone.device, "name": "Phone", "platform": "ios"},
    }
    headers = {} if key is None else {"Idempotency-Key": key}
    return await phone.client.post("/v1/accounts", json=asked | body, headers=headers)
