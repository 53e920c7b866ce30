"""Two men who act, for each worker of a run."""

import asyncio

import pytest

from tests.adapters.face.bundled.stage import Cast
from tests.adapters.face.bundled.studio import studio


@pytest.fixture(scope="session")
def cast() -> Cast:
    """Two men who act."""

    async def hire() -> Cast:
        async with studio() as at:
            return Cast(await at.actor("obama"), await at.actor("biden"))

    return asyncio.run(hire())
