"""Fixtures of medical account sharing: an owner at the personal web page."""

import pytest

from app.routers.deps import House
from tests.factories.make import Holder, Make
from tests.factories.sharing import Page


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner, whose card password has just been checked."""
    return await make.card_password(await make.owner(name="王志远", phone="10000000001"))


@pytest.fixture
def page(me: Holder, house: House) -> Page:
    """The owner's page."""
    return Page(me, house)
