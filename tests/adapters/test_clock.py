"""The demo's clock: moved everywhere at once, and never back."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from app.adapters.clock import SharedClock
from app.routers.deps import House


async def test_looks_under_way_take_no_move_back(house: House) -> None:
    clock = house.ports.clock
    assert isinstance(clock, SharedClock)
    seen = []

    async def look_and_move() -> None:
        for _ in range(20):
            await clock.look(house.db)
            seen.append(clock.advance)
            await clock.move_everywhere(house.db, timedelta(minutes=1))
            seen.append(clock.advance)

    await asyncio.gather(*(look_and_move() for _ in range(8)))

    assert clock.advance == timedelta(minutes=160)
    assert [(first, then) for first, then in pairwise(seen) if then < first] == []


async def test_a_second_clock_of_the_same_row_follows(house: House) -> None:
    first, second = house.ports.clock, SharedClock()
    assert isinstance(first, SharedClock)

    await first.move_everywhere(house.db, timedelta(days=3))
    await second.look(house.db)

    assert (first.advance, second.advance) == (timedelta(days=3), timedelta(days=3))
