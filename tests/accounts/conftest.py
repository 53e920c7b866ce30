"""A phone that has registered, for tests that begin there."""

import httpx
import pytest

from app.routers.deps import House
from tests.factories.callers import SOMEBODY
from tests.factories.phone import Phone


@pytest.fixture
async def holder(client: httpx.AsyncClient, house: House) -> Phone:
    """Somebody with an account and no card."""
    phone = Phone(client, house, SOMEBODY)
    await phone.register()
    return phone
