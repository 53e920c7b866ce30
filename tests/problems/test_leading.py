"""Refusals lead on: `next` names a place of this API where that helps, and the place is there."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app import main
from app.core.errors import AppError
from app.routers.deps import House
from tests.factories.callers import SOMEBODY, sign_in
from tests.factories.phone import CARD_PASSWORD, PASSWORD, Phone

DEVICE = {"id": "a", "name": "a", "platform": "ios"}
ASK: dict[str, Any] = {"phone": SOMEBODY, "device": DEVICE}
REGISTER = ASK | {"sms_code": "000000", "password": PASSWORD}


def leading() -> Iterator[type[AppError]]:
    """Every kind of refusal that leads somewhere wherever it comes from."""
    kinds = [AppError]
    while kinds:
        kind = kinds.pop()
        kinds.extend(kind.__subclasses__())
        if kind.leads_to is not None:
            yield kind


@pytest.mark.parametrize(
    ("path", "body", "code", "action", "href"),
    [
        ("/v1/sessions", ASK | {"password": "wrong horse"}, "credentials-wrong", "sign-in-by-code", "/v1/sms-codes"),
        ("/v1/sessions", ASK | {"sms_code": "000000"}, "sms-code-wrong", "ask-for-code", "/v1/sms-codes"),
        ("/v1/accounts", REGISTER, "sms-code-wrong", "ask-for-code", "/v1/sms-codes"),
        ("/v1/sessions/refresh", {"refresh_token": "x"}, "not-signed-in", "sign-in", "/v1/sessions"),
        ("/v1/card/password-resets", {"sms_code": "000000"}, "not-signed-in", "sign-in", "/v1/sessions"),
        ("/v1/handovers/current/refusals", {}, "not-signed-in", "open-link", "/v1/handovers/openings"),
    ],
)
async def test_who_is_not_let_in_is_shown_the_door(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], code: str, action: str, href: str
) -> None:
    answer = await client.post(path, json=body, headers={"Idempotency-Key": "the-first-time"})

    assert answer.json()["code"] == code
    assert answer.json()["next"] | {"text": ""} == {"action": action, "href": href, "text": ""}


async def test_a_token_that_is_none_leads_to_the_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/me", headers={"Authorization": "Bearer x"})

    assert answer.json()["next"]["href"] == "/v1/sessions"


async def test_a_paused_sign_in_can_be_had_by_code(client: httpx.AsyncClient, house: House) -> None:
    phone = Phone(client, house, SOMEBODY)
    await phone.register()
    stranger = Phone(client, house, SOMEBODY)
    for _ in range(10):
        await sign_in(stranger, password="wrong horse")

    paused = await sign_in(stranger, password=PASSWORD)
    by_code = await sign_in(stranger, sms_code=await stranger.sms_code("sign_in"))

    assert (paused.status_code, paused.json()["next"]["href"]) == (423, "/v1/sms-codes")
    assert by_code.status_code == 201


async def test_a_wrong_and_a_shut_card_password_lead_to_a_reset(owner: Phone) -> None:
    wrong = [await owner.step_up(f"9174{n:02}") for n in range(5)]
    shut = await owner.step_up(CARD_PASSWORD)

    assert shut.status_code == 423
    assert {answer.json()["next"]["href"] for answer in (*wrong, shut)} == {"/v1/card/password-resets"}


async def test_every_place_is_there(house: House) -> None:
    there = main.create_app(house).openapi()["paths"]

    led = {kind.code: kind.leads_to.href for kind in leading() if kind.leads_to is not None}

    assert len(led) > 10
    assert {code: href for code, href in led.items() if href not in there} == {}
