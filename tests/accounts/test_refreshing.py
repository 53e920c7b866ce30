"""Refresh tokens rotate; one used again ends the session, but a lost answer does not."""

import asyncio
import base64
import os

import httpx
import pytest

from app.routers.deps import House
from tests.factories.callers import on_new_device, pass_time, refresh, sign_in
from tests.factories.phone import PASSWORD, Phone


async def is_signed_in(phone: Phone) -> bool:
    return (await phone.call("GET", "/v1/me")).status_code == 200


async def test_each_refresh_gives_new_tokens_of_the_same_session(client: httpx.AsyncClient, holder: Phone) -> None:
    first = holder.tokens

    second = (await refresh(client, first["refresh_token"])).json()
    third = (await refresh(client, second["refresh_token"])).json()

    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert first["session_id"] == second["session_id"] == third["session_id"]
    holder.tokens = third
    assert await is_signed_in(holder)


async def test_the_token_before_gives_the_same_successor_for_thirty_seconds(house: House, holder: Phone) -> None:
    first = holder.tokens["refresh_token"]
    answered = (await refresh(holder.client, first)).json()
    await pass_time(house, seconds=29)

    again = await refresh(holder.client, first)

    assert again.status_code == 200
    assert again.json()["refresh_token"] == answered["refresh_token"]
    assert (await refresh(holder.client, answered["refresh_token"])).status_code == 200


async def test_refreshed_by_many_at_once_all_hold_the_same_successor(holder: Phone) -> None:
    token = holder.tokens["refresh_token"]

    answers = await asyncio.gather(*[refresh(holder.client, token) for _ in range(10)])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_later_reuse_ends_the_session_for_everybody_who_holds_a_token_of_it(house: House, holder: Phone) -> None:
    first = holder.tokens["refresh_token"]
    holder.tokens = (await refresh(holder.client, first)).json()
    await pass_time(house, seconds=31)

    reused = await refresh(holder.client, first)

    assert (reused.status_code, reused.json()["code"]) == (401, "refresh-token-refused")
    assert reused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await refresh(holder.client, holder.tokens["refresh_token"])).status_code == 401
    assert not await is_signed_in(holder)


async def test_a_token_two_rotations_old_ends_the_session_at_once(holder: Phone) -> None:
    first = holder.tokens["refresh_token"]
    second = (await refresh(holder.client, first)).json()["refresh_token"]
    holder.tokens = (await refresh(holder.client, second)).json()

    reused = await refresh(holder.client, first)

    assert reused.status_code == 401
    assert not await is_signed_in(holder)


async def test_that_a_token_was_reused_is_written_down(house: House, holder: Phone) -> None:
    first = holder.tokens["refresh_token"]
    await refresh(holder.client, first)
    await pass_time(house, seconds=31)
    await refresh(holder.client, first)

    events = await house.db.fetch(
        "SELECT actor_kind, facts ->> 'because' AS because FROM audit_event WHERE action = $1", "session.token_reused"
    )

    assert [tuple(event) for event in events] == [("system", "token_reused")]


async def test_reuse_ends_one_session_and_no_other(house: House, holder: Phone) -> None:
    other = on_new_device(holder)
    await sign_in(other, password=PASSWORD)
    first = holder.tokens["refresh_token"]
    await refresh(holder.client, first)
    await pass_time(house, seconds=31)

    await refresh(holder.client, first)

    assert await is_signed_in(other)


def _with_other_mac(token: str) -> str:
    raw = base64.urlsafe_b64decode(token + "==")
    return base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode().rstrip("=")


def _of_next_generation(token: str) -> str:
    raw = base64.urlsafe_b64decode(token + "==")
    return base64.urlsafe_b64encode(raw[:19] + bytes([raw[19] + 1]) + raw[20:]).decode().rstrip("=")


async def test_garbage_ends_nothing(holder: Phone) -> None:
    token = holder.tokens["refresh_token"]
    forged = [
        "x",
        "ü",
        base64.urlsafe_b64encode(os.urandom(52)).decode(),
        _with_other_mac(token),
        _of_next_generation(token),
        token[:-4],
        token + token,
        holder.tokens["access_token"],
    ]

    answers = [await refresh(holder.client, each) for each in forged]

    assert {(answer.status_code, answer.headers["www-authenticate"]) for answer in answers} == {
        (401, 'Bearer error="invalid_token"')
    }
    assert await is_signed_in(holder)
    assert (await refresh(holder.client, token)).status_code == 200


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7, 401)])
async def test_a_session_left_alone_is_over_after_seven_days(
    house: House, holder: Phone, days: float, status: int
) -> None:
    await pass_time(house, days=days)

    answer = await refresh(holder.client, holder.tokens["refresh_token"])

    assert answer.status_code == status


async def test_a_session_in_use_is_over_after_thirty_days(house: House, holder: Phone) -> None:
    lives = [holder.tokens["refresh_expires_in"]]
    for _ in range(5):
        await pass_time(house, days=5.9)
        holder.tokens = (await refresh(holder.client, holder.tokens["refresh_token"])).json()
        lives.append(holder.tokens["refresh_expires_in"])
    await pass_time(house, days=0.5)
    last = await refresh(holder.client, holder.tokens["refresh_token"])

    week = 7 * 86400
    assert all(week - 60 <= life <= week for life in lives[:4])
    assert lives[5] == pytest.approx(0.5 * 86400, abs=60)
    assert last.status_code == 401


async def test_an_access_token_lives_ten_minutes(house: House, holder: Phone) -> None:
    await pass_time(house, seconds=580)
    before = await is_signed_in(holder)
    await pass_time(house, seconds=20)

    after = await holder.call("GET", "/v1/me")

    assert before
    assert (after.status_code, after.json()["code"]) == (401, "not-signed-in")
    assert after.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_no_refresh_token_can_be_made_of_what_is_stored(house: House, holder: Phone) -> None:
    rows = await house.db.fetch("SELECT session::text AS row FROM session")

    raw = base64.urlsafe_b64decode(holder.tokens["refresh_token"] + "==")

    assert raw[20:].hex() not in rows[0]["row"]
    assert holder.tokens["refresh_token"] not in rows[0]["row"]
