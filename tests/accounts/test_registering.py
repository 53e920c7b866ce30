"""An account is opened with a phone that was proved, and with nothing less."""

from typing import Any

import httpx
import pytest

from app.routers.deps import House
from tests.factories.callers import SOMEBODY, pass_time
from tests.factories.phone import PASSWORD, Phone


async def register(phone: Phone, code: str, /, *, key: str = "registration-1", **other: Any) -> httpx.Response:
    body: dict[str, Any] = {
        "phone": phone.number,
        "sms_code": code,
        "password": PASSWORD,
        "device": {"id": phone.device, "name": "小明　的 👩‍💻", "platform": "ios"},
    }
    return await phone.client.post("/v1/accounts", json=body | other, headers={"Idempotency-Key": key})


@pytest.fixture
def somebody(client: httpx.AsyncClient, house: House) -> Phone:
    return Phone(client, house, SOMEBODY)


async def test_a_proved_phone_opens_an_account_and_is_signed_in(somebody: Phone) -> None:
    answer = await register(somebody, await somebody.sms_code("register"))

    assert answer.status_code == 201
    body = answer.json()
    assert body["account"]["phone"] == "100****9001"
    assert set(body["tokens"]) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
        "session_id",
    }
    assert (body["tokens"]["token_type"], body["tokens"]["expires_in"]) == ("Bearer", 600)
    somebody.tokens = body["tokens"]
    me = (await somebody.call("GET", "/v1/me")).json()
    assert me == {
        "account_id": body["account"]["id"],
        "phone": "100****9001",
        "name": None,
        "social_security_number": None,
        "has_card": False,
        "assurance": "full",
    }


async def test_a_phone_is_understood_however_it_is_written(somebody: Phone) -> None:
    code = await somebody.sms_code("register")

    answer = await register(somebody, code, phone="+86 100 0000 9001")

    assert answer.status_code == 201


async def test_a_wrong_code_opens_nothing_and_says_the_tries_left(somebody: Phone) -> None:
    code = await somebody.sms_code("register")
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    answers = [await register(somebody, wrong, key=f"registration-{n}") for n in range(5)]

    assert [(answer.status_code, answer.json()["tries_left"]) for answer in answers] == [(403, 4 - n) for n in range(5)]
    used_up = await register(somebody, code, key="registration-right")
    assert (used_up.status_code, used_up.json()["code"]) == (403, "sms-code-wrong")


async def test_a_phone_registers_once_and_its_code_is_not_said_to_be_wrong(house: House, somebody: Phone) -> None:
    await somebody.register()
    await pass_time(house, seconds=60)

    again = await register(somebody, await somebody.sms_code("register"))

    assert (again.status_code, again.json()["code"]) == (409, "phone-already-registered")


async def test_a_code_for_signing_in_opens_no_account(somebody: Phone) -> None:
    answer = await register(somebody, await somebody.sms_code("sign_in"))

    assert (answer.status_code, answer.json()["code"]) == (403, "sms-code-wrong")


@pytest.mark.parametrize(
    "password", ["aaaabbbb", "abababab", "00009001", "x10000009001x", "12345678", "9876543210", "Password1", "abcd1234"]
)
async def test_a_password_that_anybody_would_guess_is_refused(somebody: Phone, password: str) -> None:
    answer = await register(somebody, await somebody.sms_code("register"), password=password)

    assert (answer.status_code, answer.json()["code"]) == (422, "account-password-too-weak")


async def test_a_refused_password_costs_no_try_of_the_code(somebody: Phone) -> None:
    code = await somebody.sms_code("register")
    for n in range(6):
        await register(somebody, code, key=f"registration-{n}", password="aaaaaaaa")

    answer = await register(somebody, code, key="registration-right")

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("other", "pointer"),
    [
        ({"phone": "12345678901"}, "/phone"),
        ({"phone": "1" * 40}, "/phone"),
        ({"sms_code": "12345"}, "/sms_code"),
        ({"sms_code": "１２３４５６"}, "/sms_code"),
        ({"password": "short"}, "/password"),
        ({"password": "x" * 129}, "/password"),
        ({"device": {"id": "a", "name": "tab\tbed", "platform": "ios"}}, "/device/name"),
        ({"device": {"id": "", "name": "a", "platform": "ios"}}, "/device/id"),
        ({"device": {"id": "a", "name": "a", "platform": "I OS"}}, "/device/platform"),
    ],
)
async def test_a_wrong_field_is_named(somebody: Phone, other: dict[str, Any], pointer: str) -> None:
    answer = await register(somebody, "123456", **other)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_an_account_without_a_card_can_read_its_sessions_and_devices(somebody: Phone) -> None:
    await somebody.register()

    sessions = (await somebody.call("GET", "/v1/sessions")).json()["items"]
    devices = (await somebody.call("GET", "/v1/devices")).json()["items"]

    assert [(item["id"], item["is_current"], item["device"]) for item in sessions] == [
        (somebody.tokens["session_id"], True, "Test phone")
    ]
    assert [(item["name"], item["platform"], item["is_trusted"]) for item in devices] == [("Test phone", "ios", True)]
