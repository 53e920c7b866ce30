"""Sessions and devices: seen and ended by whom they belong to, and by nobody else."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.factories.callers import SOMEBODY_ELSE, on_new_device, pass_time, refresh, sign_in
from tests.factories.phone import PASSWORD, Phone

MakePhone = Callable[[str], Phone]


@pytest.fixture
async def other(holder: Phone) -> Phone:
    """The holder's other phone."""
    phone = on_new_device(holder)
    await pass_time(holder.house, seconds=5)
    await sign_in(phone, password=PASSWORD)
    return phone


@pytest.fixture
async def stranger(phone: MakePhone) -> Phone:
    stranger = phone(SOMEBODY_ELSE)
    await stranger.register()
    return stranger


async def test_sessions_are_listed_the_last_used_first(holder: Phone, other: Phone) -> None:
    items = (await holder.call("GET", "/v1/sessions")).json()["items"]

    assert [(item["id"], item["is_current"]) for item in items] == [
        (other.tokens["session_id"], False),
        (holder.tokens["session_id"], True),
    ]
    assert {key: items[0][key] for key in ("device", "platform", "channel", "assurance")} == {
        "device": "Another phone",
        "platform": "android",
        "channel": "app",
        "assurance": "full",
    }
    assert all(items[0][key].endswith("Z") for key in ("started_at", "last_used_at", "expires_at"))


async def test_an_ended_session_is_over_at_once_with_all_its_tokens(holder: Phone, other: Phone) -> None:
    ended = await holder.call("DELETE", f"/v1/sessions/{other.tokens['session_id']}")
    again = await holder.call("DELETE", f"/v1/sessions/{other.tokens['session_id']}")

    read = await other.call("GET", "/v1/me")
    assert (ended.status_code, again.status_code) == (204, 204)
    assert (read.status_code, read.json()["code"]) == (401, "session-ended")
    assert read.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await refresh(other.client, other.tokens["refresh_token"])).status_code == 401
    assert len((await holder.call("GET", "/v1/sessions")).json()["items"]) == 1


async def test_current_is_the_one_in_use(holder: Phone, other: Phone) -> None:
    await other.call("DELETE", "/v1/sessions/current")

    assert (await other.call("GET", "/v1/me")).status_code == 401
    assert (await holder.call("GET", "/v1/me")).status_code == 200


async def test_somebody_elses_session_is_not_there(holder: Phone, stranger: Phone) -> None:
    ids = [holder.tokens["session_id"], str(uuid4()), "none", "%00", "1" * 36]

    answers = [await stranger.call("DELETE", f"/v1/sessions/{each}") for each in ids]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not-found")}
    assert (await holder.call("GET", "/v1/me")).status_code == 200


async def test_a_removed_device_is_signed_out_and_new_again(holder: Phone, other: Phone) -> None:
    devices = (await holder.call("GET", "/v1/devices")).json()["items"]
    wanted = next(device["id"] for device in devices if device["name"] == "Another phone")

    removed = await holder.call("DELETE", f"/v1/devices/{wanted}")

    assert removed.status_code == 204
    assert (await other.call("GET", "/v1/me")).json()["code"] == "session-ended"
    assert (await holder.call("GET", "/v1/me")).status_code == 200
    left = (await holder.call("GET", "/v1/devices")).json()["items"]
    assert [device["name"] for device in left] == ["Test phone"]
    await sign_in(other, sms_code=await other.sms_code("sign_in"))
    assert (await other.call("GET", "/v1/me")).json()["code"] == "more-proof-needed"


async def test_somebody_elses_device_is_not_there(holder: Phone, stranger: Phone) -> None:
    device = (await holder.call("GET", "/v1/devices")).json()["items"][0]["id"]

    answers = [await stranger.call("DELETE", f"/v1/devices/{each}") for each in (device, str(uuid4()), "none")]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not-found")}
    assert (await holder.call("GET", "/v1/me")).status_code == 200


async def test_the_same_device_name_of_two_accounts_is_two_devices(holder: Phone, stranger: Phone) -> None:
    shared = Phone(holder.client, holder.house, stranger.number, device=holder.device)
    await sign_in(shared, password=PASSWORD)

    devices = (await holder.call("GET", "/v1/devices")).json()["items"]

    assert len(devices) == 1
    assert len((await shared.call("GET", "/v1/devices")).json()["items"]) == 2


async def test_starting_and_ending_are_written_down(holder: Phone, other: Phone) -> None:
    await other.call("DELETE", "/v1/sessions/current")

    events = await holder.house.db.fetch(
        "SELECT action, facts ->> 'because' AS because FROM audit_event WHERE action LIKE 'session.%' ORDER BY seq"
    )

    assert [tuple(event) for event in events] == [
        ("session.started", None),
        ("session.started", None),
        ("session.ended", "signed_out"),
    ]
