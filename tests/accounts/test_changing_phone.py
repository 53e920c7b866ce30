"""Another phone for an account: proved by codes to both, taken by one account, told to the old phone."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from app.routers.deps import House
from app.texts import message
from tests.factories.adding import ok, refused
from tests.factories.callers import SOMEBODY, SOMEBODY_ELSE, pass_time, sign_in, sign_in_by_code
from tests.factories.phone import Phone

NEW = "10000009077"


@pytest.fixture
async def me(phone: Callable[[str], Phone]) -> Phone:
    """Somebody who has registered."""
    mine = phone(SOMEBODY)
    await mine.register()
    return mine


async def code_to(me: Phone, number: str) -> str:
    """Ask for a code to a phone, and read it there."""
    return await Phone(me.client, me.house, number).sms_code("change_phone")


async def change(me: Phone, number: str = NEW, **codes: str) -> httpx.Response:
    """Change the phone, with the codes that came unless others are given."""
    body = {
        "phone": number,
        "sms_code": codes.get("old") or await code_to(me, me.number),
        "new_phone_sms_code": codes.get("new") or await code_to(me, number),
    }
    return await me.call("PUT", "/v1/me/phone", body)


async def test_the_new_phone_signs_in_and_the_old_one_no_more(me: Phone, house: House) -> None:
    assert ok(await change(me))["phone"] == "100****9077"

    assert ok(await me.call("GET", "/v1/me"))["phone"] == "100****9077"
    anew = Phone(me.client, house, NEW, device=me.device)
    assert (await sign_in_by_code(anew)).status_code == 201
    old = Phone(me.client, house, SOMEBODY, device=me.device)
    refused(await sign_in(old, password="four quiet herons"), 403, "credentials-wrong")


async def test_the_old_phone_is_told(me: Phone, house: House) -> None:
    ok(await change(me))

    assert house.sandbox is not None
    [last, *_] = await house.sandbox.inbox.received(SOMEBODY)
    assert last.text == message("phone_changed_old", "zh-CN")


async def test_the_old_phone_can_be_registered_by_somebody_else(me: Phone, phone: Callable[[str], Phone]) -> None:
    ok(await change(me))
    await pass_time(me.house, minutes=1)

    await phone(SOMEBODY).register()

    assert ok(await me.call("GET", "/v1/me"))["phone"] == "100****9077"


@pytest.mark.parametrize("wrong", ["old", "new"])
async def test_both_codes_must_be_right(me: Phone, wrong: str) -> None:
    refused(await change(me, **{wrong: "000000"}), 403, "sms-code-wrong")

    assert ok(await me.call("GET", "/v1/me"))["phone"] == "100****9001"


async def test_codes_for_something_else_are_none(me: Phone) -> None:
    other = await me.sms_code("sign_in")

    refused(await change(me, old=other), 403, "sms-code-wrong")


async def test_tries_are_spent_by_wrong_guesses(me: Phone) -> None:
    good = await code_to(me, me.number)
    new = await code_to(me, NEW)
    for _ in range(5):
        refused(await change(me, old="000000", new=new), 403, "sms-code-wrong")

    refused(await change(me, old=good, new=new), 403, "sms-code-wrong")


async def test_a_phone_that_is_somebody_elses_is_not_taken(me: Phone, phone: Callable[[str], Phone]) -> None:
    await phone(SOMEBODY_ELSE).register()

    refused(await change(me, SOMEBODY_ELSE), 409, "phone-already-registered")


async def test_sent_again_it_changes_nothing(me: Phone) -> None:
    codes = {"old": await code_to(me, me.number), "new": await code_to(me, NEW)}

    answers = [await change(me, **codes) for _ in range(2)]

    assert ok(answers[0]) == ok(answers[1])


async def test_two_who_want_one_phone_at_once_are_one_who_has_it(me: Phone, phone: Callable[[str], Phone]) -> None:
    other = phone(SOMEBODY_ELSE)
    await other.register()
    mine, theirs = await code_to(me, me.number), await code_to(other, other.number)
    new = await code_to(me, NEW)

    answers = await asyncio.gather(change(me, old=mine, new=new), change(other, old=theirs, new=new))

    assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])


async def test_the_card_password_is_asked_for_where_there_is_one(owner: Phone) -> None:
    refused(await change(owner, old="000000", new="000000"), 401, "card-password-required")
