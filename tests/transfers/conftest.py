"""Somebody with a card, and the time that passes."""

import pytest

from app.routers.deps import House
from tests.factories.make import Holder, Make
from tests.factories.passing import Time
from tests.transfers.playing import Filing


@pytest.fixture
async def me(make: Make) -> Holder:
    """A holder."""
    return await make.owner(name="王志远")


@pytest.fixture
def mine(me: Holder) -> Filing:
    """The same, who files for himself."""
    return Filing(me)


@pytest.fixture
def time(house: House) -> Time:
    """The worker and the clock of the house."""
    return Time(house)
