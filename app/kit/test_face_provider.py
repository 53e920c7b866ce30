"""The promises as tests of pytest, each on a stage of its own."""

import asyncio

from app.kit.promises import Promise
from app.kit.stage import StageMaker


def test_promise(promise: Promise, stage_maker: StageMaker) -> None:
    """Open a stage and see whether the promise is kept on it."""

    async def play() -> None:
        async with asyncio.timeout(60), stage_maker() as stage:
            await promise(stage)

    asyncio.run(play())
