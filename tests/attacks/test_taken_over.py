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


async def begin_face_check(phone: Phone, child: TestPerson) -> tuple[str, str]:
    """Begin to add a child as far as a started face check; return both addresses."""
    assert (await phone.step_up(CARD_PASSWORD)).status_code == 200
    enrolment = await phone.to_face(child, "20", age=2)
    started = await phone.call("POST", f"{enrolment}/face-checks", {})
    assert started.status_code == 201, started.text
    return enrolment, f"/v1/face-checks/{started.json()['id']}"


async def test_face_checks_of_the_family_are_the_old_accounts_no_more(
    first: Phone, second: Phone, people: People
) -> None:
    await first.own_card(people["owner"])
    enrolment, check = await begin_face_check(first, people["child-2"])
    await second.own_card(people["owner"])
    await sign_in(first, password=PASSWORD)

    reading = await first.call("GET", check)
    completing = await first.call("POST", f"{check}/completion")

    assert (reading.status_code, reading.json()["code"]) == (404, "not-found")
    assert (completing.status_code, completing.json()["code"]) == (404, "not-found")
    assert (await second.read(enrolment))["state"] == "face_pending"


async def test_the_account_that_holds_the_person_now_begins_another_face_check(
    first: Phone, second: Phone, people: People
) -> None:
    await first.own_card(people["owner"])
    enrolment, check = await begin_face_check(first, people["child-2"])
    await second.own_card(people["owner"])

    reading = await second.call("GET", check)
    completed = await second.face_check(enrolment)

    assert reading.status_code == 404
    assert completed["state"] == "passed"
    assert (await second.read(enrolment))["state"] == "active"


async def test_face_checks_of_a_reset_are_the_old_accounts_no_more(first: Phone, second: Phone, people: People) -> None:
    await first.own_card(people["owner"])
    begun = await first.call(
        "POST", "/v1/card/password-resets", {"sms_code": await first.sms_code("card_password_reset")}
    )
    check = f"/v1/face-checks/{begun.json()['face_check']['id']}"
    await second.own_card(people["owner"])
    await sign_in(first, password=PASSWORD)

    answers = [await first.call("GET", check), await first.call("POST", f"{check}/completion")]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_a_face_check_of_ones_own_card_stays_with_the_account_that_began_it(
    first: Phone, second: Phone, people: People
) -> None:
    enrolment = await to_face(first, people["owner"])
    started = await first.call("POST", f"{enrolment}/face-checks", {})
    await second.own_card(people["owner"])

    check = f"/v1/face-checks/{started.json()['id']}"

    assert (await second.call("GET", check)).status_code == 404
    assert (await first.call("GET", check)).status_code == 200
