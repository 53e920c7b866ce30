"""An account moves into its person's home when own-card details name the person: its sessions with it."""

import asyncio
from collections.abc import Callable

import pytest

from app.ports.register import TestPerson
from tests.factories.callers import on_new_device, pass_time, refresh, sign_in
from tests.factories.phone import JSON, PASSWORD, Phone

People = dict[str, TestPerson]
MakePhone = Callable[[str], Phone]


@pytest.fixture
async def newcomer(people: People, phone: MakePhone) -> Phone:
    """Somebody who has registered and has acknowledged the notice of an own card."""
    newcomer = phone(str(people["owner"].phone))
    await newcomer.register()
    return newcomer


async def name(newcomer: Phone, person: TestPerson) -> JSON:
    """Give own-card details without taking over new tokens; return the answer."""
    enrolment = await newcomer.open("own_card")
    await newcomer.acknowledge(enrolment, "own-card")
    body = {"name": person.name, "social_security_number": person.number}
    answer = await newcomer.call("PUT", f"{enrolment}/details", body)
    assert answer.status_code == 200, answer.text
    given: JSON = answer.json()
    return given


async def test_the_answer_carries_tokens_that_work_and_the_old_ones_do_not(newcomer: Phone, people: People) -> None:
    given = await name(newcomer, people["owner"])

    old = await newcomer.call("GET", "/v1/me")
    newcomer.tokens = given["tokens"]
    enrolment = await newcomer.call("GET", f"/v1/enrolments/{given['id']}")

    assert (old.status_code, old.json()["code"]) == (401, "session-ended")
    assert (await newcomer.call("GET", "/v1/me")).status_code == 200
    assert enrolment.json()["state"] == "face_pending"
    assert (await refresh(newcomer.client, given["tokens"]["refresh_token"])).status_code == 200


async def test_other_devices_are_signed_out_and_can_sign_in_again(newcomer: Phone, people: People) -> None:
    other = on_new_device(newcomer)
    await sign_in(other, password=PASSWORD)

    newcomer.tokens = (await name(newcomer, people["owner"]))["tokens"]

    assert (await other.call("GET", "/v1/me")).json()["code"] == "session-ended"
    assert (await refresh(other.client, other.tokens["refresh_token"])).status_code == 401
    await sign_in(other, password=PASSWORD)
    sessions = (await other.call("GET", "/v1/sessions")).json()["items"]
    assert {item["id"] for item in sessions} == {newcomer.tokens["session_id"], other.tokens["session_id"]}


async def test_whoever_lost_the_answer_gets_its_tokens_for_the_old_refresh_token(
    newcomer: Phone, people: People
) -> None:
    given = await name(newcomer, people["owner"])

    lost = [(await refresh(newcomer.client, newcomer.tokens["refresh_token"])).json() for _ in range(2)]

    assert {each["session_id"] for each in lost} == {given["tokens"]["session_id"]}
    assert {each["refresh_token"] for each in lost} == {given["tokens"]["refresh_token"]}
    newcomer.tokens = lost[0]
    assert (await newcomer.call("GET", "/v1/me")).status_code == 200


async def test_once_the_new_tokens_are_in_use_the_old_refresh_token_is_a_thiefs(
    newcomer: Phone, people: People
) -> None:
    given = await name(newcomer, people["owner"])
    in_use = (await refresh(newcomer.client, given["tokens"]["refresh_token"])).json()

    reused = await refresh(newcomer.client, newcomer.tokens["refresh_token"])

    assert reused.status_code == 401
    newcomer.tokens = in_use
    assert (await newcomer.call("GET", "/v1/me")).json()["code"] == "session-ended"


async def test_two_lost_answers_in_a_row_sign_nobody_out(newcomer: Phone, people: People) -> None:
    kept = newcomer.tokens["refresh_token"]
    lost = (await refresh(newcomer.client, kept)).json()
    newcomer.tokens = newcomer.tokens | {"access_token": lost["access_token"]}
    given = await name(newcomer, people["owner"])

    found = await refresh(newcomer.client, kept)

    assert found.json()["session_id"] == given["tokens"]["session_id"]


async def test_a_session_ended_since_is_not_given_out_for_the_old_token(newcomer: Phone, people: People) -> None:
    lost = newcomer.tokens["refresh_token"]
    newcomer.tokens = (await name(newcomer, people["owner"]))["tokens"]
    await newcomer.call("DELETE", "/v1/sessions/current")

    assert (await refresh(newcomer.client, lost)).status_code == 401


async def test_an_older_refresh_token_of_the_old_session_ends_the_new_one(newcomer: Phone, people: People) -> None:
    stolen = newcomer.tokens["refresh_token"]
    newcomer.tokens = (await refresh(newcomer.client, stolen)).json()
    await pass_time(newcomer.house, seconds=31)
    given = await name(newcomer, people["owner"])

    reused = await refresh(newcomer.client, stolen)

    assert reused.status_code == 401
    newcomer.tokens = given["tokens"]
    assert (await newcomer.call("GET", "/v1/me")).json()["code"] == "session-ended"


async def test_signing_in_while_the_account_moves_leaves_no_session_behind(newcomer: Phone, people: People) -> None:
    others = [on_new_device(newcomer) for _ in range(6)]
    moving = asyncio.create_task(name(newcomer, people["owner"]))
    await asyncio.gather(moving, *[sign_in(other, password=PASSWORD) for other in others])

    newcomer.tokens = (await moving)["tokens"]
    listed = {item["id"] for item in (await newcomer.call("GET", "/v1/sessions")).json()["items"]}
    for other in others:
        is_signed_in = (await other.call("GET", "/v1/me")).status_code == 200
        assert is_signed_in == (other.tokens["session_id"] in listed)


async def test_naming_somebody_shows_nothing_of_them_before_a_face(newcomer: Phone, people: People) -> None:
    newcomer.tokens = (await name(newcomer, people["spouse"]))["tokens"]

    me = (await newcomer.call("GET", "/v1/me")).json()

    assert (me["name"], me["social_security_number"], me["has_card"]) == (None, None, False)
    assert (await newcomer.call("POST", "/v1/card/password-checks", {"password": "518093"})).status_code == 409


async def test_naming_a_card_holder_gives_no_way_to_their_password(
    owner: Phone, people: People, phone: MakePhone
) -> None:
    thief = phone("10000009003")
    await thief.register()
    thief.tokens = (await name(thief, people["owner"]))["tokens"]

    checked = await thief.call("POST", "/v1/card/password-checks", {"password": "518093"})
    reset = await thief.call("POST", "/v1/card/password-resets", {"sms_code": "123456"})
    card = await thief.call("GET", "/v1/holders/me/card")

    assert (checked.status_code, checked.json()["code"]) == (409, "card-password-not-set")
    assert (reset.status_code, reset.json()["code"]) == (409, "card-password-not-set")
    assert card.status_code != 200
    assert (await owner.step_up()).status_code == 200


async def test_who_has_shown_their_face_takes_the_person_over(owner: Phone, people: People, phone: MakePhone) -> None:
    """The phone was lost with its account: the same person opens another and proves who they are."""
    again = phone("10000009003")
    await again.register()

    await again.own_card(people["owner"])

    assert (await owner.call("GET", "/v1/me")).json()["code"] == "session-ended"
    await sign_in(owner, password=PASSWORD)
    assert (await owner.call("GET", "/v1/me")).json()["has_card"] is False
    assert (await owner.step_up()).json()["code"] == "card-password-not-set"
    assert (await again.step_up()).status_code == 200
