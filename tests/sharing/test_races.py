"""What happens at once: guesses at a code, an answer and an end, the same request twice."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from app.core.db import Database
from app.services.sharing import reading, rows
from tests.factories.adding import ok, refused
from tests.factories.make import Holder, Make, Someone
from tests.factories.sharing import BINDINGS, Page, relative, shared
from tests.races.test_draws import so_many_wait

ELDER = date(1957, 3, 8)
PHONE = "10000007777"


@pytest.fixture
async def father(make: Make) -> Someone:
    """The owner's father, whose phone the register holds."""
    return await make.person(name="王建国", birth_date=ELDER, phone=PHONE)


async def waiting(page: Page, father: Someone) -> tuple[str, str]:
    """Let a binding wait; return where it is and its code."""
    [asked] = await page.outcomes(relative(father, "51"))
    return f"{BINDINGS}/{asked['binding']['id']}", (await page.codes(PHONE))[0]


async def test_however_many_guess_at_once_there_are_five_tries(page: Page, father: Someone) -> None:
    address, code = await waiting(page, father)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    answers = await asyncio.gather(
        *(page.holder.call("PUT", f"{address}/confirmation", {"sms_code": wrong}) for _ in range(8))
    )
    late = await page.holder.call("PUT", f"{address}/confirmation", {"sms_code": code})

    assert sorted(answer.json()["tries_left"] for answer in answers) == [0, 0, 0, 0, 1, 2, 3, 4]
    assert (late.status_code, late.json()["tries_left"]) == (403, 0)


async def test_an_answer_and_an_end_at_once_leave_both_sides_of_one_mind(
    page: Page, father: Someone, db: Database
) -> None:
    address, code = await waiting(page, father)

    answers = await asyncio.gather(
        *(page.holder.call("PUT", f"{address}/confirmation", {"sms_code": code}) for _ in range(3)),
        *(page.holder.call("DELETE", address) for _ in range(3)),
    )
    sharers = (await db.run(lambda session: reading.sharers_of(session, father.id))).sharers
    rows = await db.fetch("SELECT state FROM sharing_binding")

    assert {answer.status_code for answer in answers} <= {204, 404}
    assert ([row["state"] for row in rows], list(sharers)) == (["ended"], [])
    assert await db.fetch("SELECT 1 FROM sharing_request") == []


async def test_a_cap_lowered_meanwhile_is_not_raised_again_without_a_step_up(
    make: Make, me: Holder, father: Someone, db: Database
) -> None:
    made = await shared(db, me, father)
    address, bare = f"{BINDINGS}/{made.id}/cap", replace(me, claims=replace(me.claims, acr=None))
    await me.call("PUT", address, {"monthly_cap": "500.00"})

    async with db.transaction() as lowering:
        binding = await rows.locked(lowering, made.id)
        the_same = asyncio.ensure_future(bare.call("PUT", address, {"monthly_cap": "500.00"}))
        await so_many_wait(db, 1)
        binding.monthly_cap = Decimal("50.00")
        await lowering.flush()
    answer = await the_same

    refused(answer, 401, "card-password-required")
    assert ok(await me.call("GET", f"{BINDINGS}/{made.id}"))["monthly_cap"] == "50.00"


async def test_the_same_relative_asked_for_at_once_is_bound_once(page: Page, father: Someone, db: Database) -> None:
    answers = await asyncio.gather(*(page.share(relative(father, "51")) for _ in range(6)))

    found = [answer.json()["items"][0] for answer in answers]
    told = Counter(each["status"] if each["problem"] is None else each["problem"]["code"] for each in found)
    assert set(told) <= {"pending", "lookup-in-progress"}
    assert len({each["binding"]["id"] for each in found if each["binding"]}) == 1
    assert len(await page.codes(PHONE)) == 1
    assert len(await db.fetch("SELECT 1 FROM sharing_binding")) == 1
