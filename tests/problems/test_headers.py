"""What every answer carries, a good one and a bad one: an id, safety, no traces in caches."""

import re

import asyncpg
import httpx
import pytest

from app.routers.deps import House
from tests import cluster
from tests.factories.callers import SOMEBODY
from tests.factories.phone import Phone


@pytest.fixture
async def holder(client: httpx.AsyncClient, house: House) -> Phone:
    phone = Phone(client, house, SOMEBODY)
    await phone.register()
    return phone


@pytest.mark.parametrize("given", ["0123456789abcdef", "a-b_c.D-1234", "x" * 64])
async def test_a_request_id_comes_back_in_header_and_problem(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/v1/me", headers={"X-Request-Id": given})

    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "with space 123", "inject\\r\\nX: y", "<script>alert</script>"]
)
async def test_one_that_is_none_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/v1/me", headers={"X-Request-Id": given})

    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_each_request_has_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/healthz")).headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3


async def test_personal_answers_are_kept_in_no_cache(holder: Phone) -> None:
    for path in ("/v1/me", "/v1/sessions", "/v1/nowhere", "/v1/holders/me/card"):
        answer = await holder.call("GET", path)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_tokens_are_kept_in_no_cache(holder: Phone) -> None:
    answer = await holder.client.post("/v1/sessions/refresh", json={"refresh_token": holder.tokens["refresh_token"]})

    assert answer.headers["cache-control"] == "no-store"


async def test_the_request_id_is_written_into_what_is_audited(holder: Phone) -> None:
    await holder.call("DELETE", "/v1/sessions/current", X_Request_Id="0123456789abcdef")

    events = await holder.house.db.fetch("SELECT request_id FROM audit_event WHERE action = 'session.ended'")

    assert [event["request_id"] for event in events] == ["0123456789abcdef"]


async def test_what_nobody_foresaw_is_a_problem_that_says_nothing_of_it(
    holder: Phone, database: cluster.Database
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE account SET phone = $1", b"\x01" + bytes(40))
    await owner.close()

    answer = await holder.call("GET", "/v1/me", X_Request_Id="0123456789abcdef")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert (answer.json()["code"], answer.json()["request_id"]) == ("internal-error", "0123456789abcdef")
    assert answer.headers["x-request-id"] == "0123456789abcdef"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search("InvalidTag|Traceback|cryptography|sealing", answer.text)
