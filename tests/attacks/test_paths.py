"""An id is written in one way: whatever else a parser would take for it is not there."""

from collections.abc import Callable

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
