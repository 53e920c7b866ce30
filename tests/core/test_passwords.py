"""Passwords are hashed slowly, beside the event loop, and never by more at once than the machine bears."""

import asyncio
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from app.core.passwords import OWASP, Busy, Cost, Passwords
from app.core.suites import Suite, mac

PEPPER = bytes(range(32))
LESS = replace(OWASP, iterations=200_000)
QUICK = Cost(passes=1, kibibytes=8, iterations=3)


@pytest.fixture(params=Suite)
def suite(request: pytest.FixtureRequest) -> Suite:
    return Suite(request.param)


@pytest.fixture
def passwords(suite: Suite) -> Iterator[Passwords]:
    made = Passwords(PEPPER, suite, cost=LESS)
    yield made
    made.close()


async def test_the_right_one_is_right_and_no_other_is(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")

    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "correct horsE")
    assert not await passwords.verify(stored, "")


async def test_the_same_password_is_stored_differently_each_time(passwords: Passwords) -> None:
    assert await passwords.hash("518093") != await passwords.hash("518093")


async def test_a_stolen_hash_is_worth_nothing_without_the_pepper(passwords: Passwords, suite: Suite) -> None:
    stored = await passwords.hash("518093")
    thief = Passwords(bytes(32), suite)

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


async def test_while_hashes_of_both_kinds_are_about_the_time_does_not_say_which_one_is() -> None:
    old, new = (Passwords(PEPPER, suite, also=tuple(Suite), cost=LESS) for suite in Suite)
    stored = [await old.hash("518093"), await new.hash("518093"), None]
    took: dict[str | None, list[float]] = {held: [] for held in stored}

    for _ in range(3):
        for held, times in took.items():
            started = time.process_time()
            await new.verify(held, "518094")
            times.append(time.process_time() - started)

    least = [min(times) for times in took.values()]
    assert max(least) / min(least) < 2
    for each in (old, new):
        each.close()


async def test_both_kinds_are_checked_under_either_suite(suite: Suite) -> None:
    quick = {each: Passwords(PEPPER, each, cost=QUICK) for each in Suite}
    stored = {each: await quick[each].hash("518093") for each in Suite}

    for held in stored.values():
        assert await quick[suite].verify(held, "518093")
        assert not await quick[suite].verify(held, "518094")
    for each in quick.values():
        each.close()


async def test_what_is_of_another_kind_or_cost_is_hashed_anew_and_nothing_else(suite: Suite) -> None:
    now = Passwords(PEPPER, suite, cost=QUICK)
    slower = replace(QUICK, passes=2, iterations=2)
    others = [
        *(Passwords(PEPPER, other, cost=QUICK) for other in Suite if other is not suite),
        Passwords(PEPPER, suite, cost=slower),
    ]

    current = await now.hash("518093")
    renewed = [await now.renewed(await other.hash("518093"), "518093") for other in others]

    assert await now.renewed(current, "518093") is None
    assert await now.renewed(None, "518093") is None
    assert [hashed is not None and await now.verify(hashed, "518093") for hashed in renewed] == [True, True]
    assert [await now.renewed(hashed, "518093") for hashed in renewed] == [None, None]
    for each in (now, *others):
        each.close()


async def test_a_hash_of_sm_is_pbkdf2_by_hmac_sm3_over_a_code_under_the_pepper() -> None:
    hashing = Passwords(PEPPER, Suite.SM, cost=QUICK)
    stored = await hashing.hash("518093")
    hashing.close()

    _, kind, cost, salt, digest = stored.split("$")
    peppered = mac(Suite.SM, PEPPER)(b"518093")
    assert (kind, cost) == ("pbkdf2-sm3", "i=3")
    assert PBKDF2HMAC(SM3(), 32, b64decode(salt + "=="), 3).derive(peppered) == b64decode(digest + "=")


def test_pbkdf2_by_hmac_sm3_gives_what_another_implementation_says() -> None:
    # openssl kdf -keylen 32 -kdfopt digest:SM3 -kdfopt pass:password -kdfopt salt:salt -kdfopt iter:4096 PBKDF2
    derived = PBKDF2HMAC(SM3(), 32, b"salt", 4096).derive(b"password")

    assert derived.hex() == "b6e8f2074c87432b78f62e5ced980fdff89e86af2f693dab1638e2b3683045dd"


async def test_accents_are_the_same_however_they_are_typed(passwords: Passwords) -> None:
    assert await passwords.verify(await passwords.hash("caf\u00e9 latte"), "cafe\u0301 latte")


async def test_more_than_may_wait_are_turned_away_and_the_others_are_served() -> None:
    few = Passwords(PEPPER, Suite.INTERNATIONAL, threads=1, waiting=2)
    stored = await few.hash("518093")

    got = await asyncio.gather(*[few.verify(stored, "518093") for _ in range(5)], return_exceptions=True)

    assert [each for each in got if each is True] == [True] * 3
    busy = [each for each in got if isinstance(each, Busy)]
    assert [each.retry_after_seconds for each in busy] == [2, 2]
    assert await few.verify(stored, "518093")
    few.close()


async def test_as_many_wait_as_can_be_checked_in_seconds() -> None:
    cheap, dear = (Passwords(PEPPER, Suite.SM, cost=replace(OWASP, iterations=many)) for many in (600_000, 1_200_000))
    asked = {each: [asyncio.create_task(each.verify(None, "518093")) for _ in range(60)] for each in (cheap, dear)}

    await asyncio.sleep(0)
    turned_away = [sum(task.done() for task in tasks) for tasks in asked.values()]
    for each, tasks in asked.items():
        each.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert turned_away == [60 - 26, 60 - 14]


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
