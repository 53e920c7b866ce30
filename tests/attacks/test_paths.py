"""An id is written in one way: whatever else a parser would take for it is not there; nor is a name with a NUL."""

from collections.abc import Callable

import httpx
import pytest

from tests.factories.phone import Phone


@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        "{{{}}}".format,
        "urn:uuid:{}".format,
        lambda text: text.replace("-", ""),
        lambda text: text.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),
        "{}%0A".format,
        "{}%00".format,
        "%2e%2e/enrolments/{}".format,
        "{}%2f".format,
    ],
    ids=["capitals", "braces", "urn", "bare", "full-width", "line-feed", "nul", "dots", "slash"],
)
async def test_an_id_written_otherwise_is_not_there(owner: Phone, write: Callable[[str], str]) -> None:
    enrolment_id = (await owner.open("own_card")).rsplit("/", 1)[1]

    answer = await owner.call("GET", f"/v1/enrolments/{write(enrolment_id)}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_no_name_has_a_nul_in_it(client: httpx.AsyncClient, owner: Phone) -> None:
    device = {"id": "a-device-of-mine", "name": "A phone", "platform": "wechat"}
    entering = {"auth_code": "demo-user-zoe", "device": device}

    answers = [
        await client.post("/v1/channels/mini%00/sessions", json=entering),
        await owner.call("DELETE", "/v1/channels/mini%00/identity"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not-found")] * 2
