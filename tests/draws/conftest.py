"""Fixtures of payments."""

import pytest

from tests.factories.make import Holder, Make
from tests.factories.staff import hire as hire
from tests.factories.terminals import Install, Terminal
from tests.factories.terminals import install as install


@pytest.fixture
async def son(make: Make) -> Holder:
    """Somebody with a card who pays."""
    return await make.owner(name="王志远")


@pytest.fixture
async def till(install: Install) -> Terminal:
    """A terminal that takes payments."""
    return await install("till-1")
