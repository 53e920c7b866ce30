"""What is left to an account whose person another account has shown to be: nothing of that person's."""

import asyncio
from collections.abc import Callable

import pytest

from app.ports.register import TestPerson
from tests.factories.callers import SOMEBODY, SOMEBODY_ELSE, sign_in
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone

People = dict[str, TestPerson]
THIEFS_PASSWORD = "271828"


@pytest.fixture
async def first(phone: Callable[[str], Phone]) -> Phone:
    """The account that was there before."""
    first = phone(SOMEBODY)
    await first.register()
    return first


@pytest.fixture
async def second(phone: Callable[[str], Phone]) -> Phone:
    """The account that takes the person over."""
    second = phone(SOMEBODY_ELSE)
    await second.register()
    return second


async def to_face(phone: Phone, person: TestPerson) -> str:
    """Begin an own card as far as the face."""
    enrolment = await phone.open("own_card")
    await phone.acknowledge(enrolment, "own-card")
    await phone.details(enrolment, person)
    await phone.consent(enrolment, "face-check")
    return enrolment


async def test_a_password_step_left_open_sets_no_password_any_more(first: Phone, second: Phone, people: People) -> None:
    left_open = await to_face(first, people["owner"])
    await first.face_check(left_open)
    await second.own_card(people["owner"])
    await sign_in(first, password=PASSWORD)

    refused = await first.call("PUT", f"{left_open}/card-password", {"password": THIEFS_PASSWORD})

    assert (refused.status_code, refused.json()["code"]) == (409, "step-not-allowed")
    assert refused.json()["next"]["action"] == "start-again"
    assert (await second.step_up(CARD_PASSWORD)).status_code == 200


async def test_a_password_set_in_the_moment_of_the_take_over_is_not_the_old_accounts(
    first: Phone, second: Phone, people: People
) -> None:
    left_open = await to_face(first, people["owner"])
    await first.face_check(left_open)
    enrolment = await to_face(second, people["owner"])

    setting, _ = await asyncio.gather(
        first.call("PUT", f"{left_open}/card-password", {"password": THIEFS_PASSWORD}), second.face_check(enrolment)
    )
    done = await second.call("PUT", f"{enrolment}/card-password", {"password": CARD_PASSWORD})

    assert setting.status_code in (200, 401, 409)
    assert done.status_code == 200
    assert (await second.step_up(CARD_PASSWORD)).status_code == 200


async def test_consents_taken_back_leave_the_card_in_use(first: Phone, second: Phone, people: People) -> None:
    await first.own_card(people["owner"])
    await second.own_card(people["owner"])
    await sign_in(first, password=PASSWORD)

    for consent in (await first.call("GET", "/v1/consents")).json()["items"]:
        assert (await first.call("DELETE", f"/v1/consents/{consent['id']}")).status_code == 204

    assert (await second.call("GET", "/v1/holders/me/card")).json()["status"] == "active"


async def test_one_account_shows_only_one_person(first: Phone, people: People) -> None:
    one = await to_face(first, people["owner"])
    other = await to_face(first, people["spouse"])

    await first.face_check(one)
    await first.face_check(other)

    named_before = await first.read(one)
    assert (named_before["state"], named_before["rejection"]) == ("rejected", "already-has-card")
    assert (await first.read(other))["state"] == "password_pending"
