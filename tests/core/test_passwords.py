"""Passwords are hashed slowly, beside the event loop, and never by more at once than the machine bears."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from app.core.passwords import Busy, Passwords

PEPPER = bytes(range(32))


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(PEPPER)
    yield made
    made.close()


async def test_the_right_one_is_right_and_no_other_is(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")

    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "correct horsE")
    assert not await passwords.verify(stored, "")


async def test_the_same_password_is_stored_differently_each_time(passwords: Passwords) -> None:
    assert await passwords.hash("518093") != await passwords.hash("518093")


async def test_a_stolen_hash_is_worth_nothing_without_the_pepper(passwords: Passwords) -> None:
    stored = await passwords.hash("518093")
    thief = Passwords(bytes(32))

    assert not await thief.verify(stored, "518093")
    thief.close()


@pytest.mark.parametrize("password", ["", "nobody", "518093"])
async def test_nobody_has_no_password(passwords: Passwords, password: str) -> None:
    assert not await passwords.verify(None, password)


async def test_to_find_nobody_takes_as_long_as_to_find_somebody(passwords: Passwords) -> None:
    stored = await passwords.hash("518093")
    took: dict[str | None, list[float]] = {stored: [], None: []}

    for _ in range(5):
        for held, times in took.items():
            started = time.process_time()
            await passwords.verify(held, "518094")
            times.append(time.process_time() - started)

    assert 0.5 < min(took[None]) / min(took[stored]) < 2


async def test_accents_are_the_same_however_they_are_typed(passwords: Passwords) -> None:
    assert await passwords.verify(await passwords.hash("caf\u00e9 latte"), "cafe\u0301 latte")


async def test_more_than_may_wait_are_turned_away_and_the_others_are_served() -> None:
    few = Passwords(PEPPER, threads=1, waiting=2)
    stored = await few.hash("518093")

    got = await asyncio.gather(*[few.verify(stored, "518093") for _ in range(5)], return_exceptions=True)

    assert [each for each in got if each is True] == [True] * 3
    busy = [each for each in got if isinstance(each, Busy)]
    assert [each.retry_after_seconds for each in busy] == [2, 2]
    assert await few.verify(stored, "518093")
    few.close()


async def test_the_event_loop_goes_on_meanwhile(passwords: Passwords) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await passwords.hash("518093")
    ticking.cancel()

    assert ticks > 10
