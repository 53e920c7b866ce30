"""Whatever is sent, the refusal is a problem that repeats none of it."""

import importlib
import json
import pkgutil

import httpx
import pytest

from app import routers
from app.core.settings import Settings
from app.routers.bodies import StrictRoute
from app.routers.deps import House

PHONE = "10000009001"
HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "bodies-1234"}
SECRET = "6217000010001234567"


def register(**other: object) -> bytes:
    body = {
        "phone": PHONE,
        "sms_code": "123456",
        "password": "correct horse",
        "device": {"id": "a", "name": "a", "platform": "ios"},
    }
    return json.dumps(body | other).encode()


def is_a_problem(answer: httpx.Response, status: int, code: str) -> bool:
    body = answer.json()
    return (
        (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        and (body["code"], body["type"], body["status"]) == (code, f"/problems/{code}", status)
        and body["request_id"] == answer.headers["x-request-id"]
        and {"title", "detail"} <= body.keys()
        and answer.headers["content-language"] == "zh-CN"
    )


NOT_JSON = {
    "empty": b"",
    "nothing but spaces": b"   ",
    "cut off": register()[:-5],
    "two values": register() + b"{}",
    "a name twice": register().replace(b'"sms_code"', b'"phone": "' + SECRET.encode() + b'", "sms_code"'),
    "a name twice inside": register().replace(b'"platform"', b'"id": "b", "platform"'),
    "not a number": register().replace(b'"123456"', b"NaN"),
    "infinity": register().replace(b'"123456"', b"-Infinity"),
    "deep": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"a":' * 12_000,
    "a huge number": register().replace(b'"123456"', b"9" * 20_000),
    "not UTF-8": register().replace(b"correct", b"corr\xff\xfe"),
    "UTF-16": register().decode().encode("utf-16"),
    "UTF-32": register().decode().encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + register(),
    "single quotes": b"{'phone': '" + SECRET.encode() + b"'}",
    "a comment": b"/* " + SECRET.encode() + b" */" + register(),
    "a control character": register().replace(b"correct", b"corr\x00"),
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_cannot_be_read_or_be_read_in_two_ways_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/accounts", content=body, headers=HEADERS)

    assert answer.status_code in ((422,) if not body else (400,))
    assert is_a_problem(answer, answer.status_code, "malformed-request" if body else "invalid-request")
    assert SECRET not in answer.text


WRONG = {
    "a list": (b"[]", [""]),
    "a text": (b'"text"', [""]),
    "null": (b"null", [""]),
    "a field too many": (register(**{SECRET: 1}), [""]),
    "a field too many that is a word": (register(unknown=1), ["/unknown"]),
    "a field too many with half a character": (register().replace(b'"phone"', b'"\\ud800": 1, "phone"'), [""]),
    "a field too many with a slash": (register(**{"a/b~c": 1}), [""]),
    "a field too many inside": (register(device={"id": "a", "name": "a", "platform": "ios", SECRET: 1}), ["/device"]),
    "a number for a text": (register(phone=int(SECRET)), ["/phone"]),
    "true for a text": (register(phone=True), ["/phone"]),
    "a list for a text": (register(phone=[SECRET]), ["/phone"]),
    "an object for a text": (register(phone={SECRET: SECRET}), ["/phone"]),
    "a text for an object": (register(device=SECRET), ["/device"]),
    "NUL in a text": (register(device={"id": "a\x00b", "name": "a", "platform": "ios"}), ["/device/id"]),
    "a line break in a text": (register(device={"id": "a", "name": "a\nb", "platform": "ios"}), ["/device/name"]),
    "a text turned round": (register(device={"id": "a", "name": "a\u202eb", "platform": "ios"}), ["/device/name"]),
    "a text set apart": (register(device={"id": "a", "name": "a\u2066b", "platform": "ios"}), ["/device/name"]),
    "half a character": (register().replace(b"correct", b"corr\\ud800"), ["/password"]),
    "half a character in a phone": (register().replace(PHONE.encode(), b"1000000900\\udfff"), ["/phone"]),
    "nothing": (b"{}", ["/phone", "/sms_code", "/password", "/device"]),
    "a phone of letters": (register(phone="abcdefghijk"), ["/phone"]),
}


@pytest.mark.parametrize(("body", "pointers"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_field_is_named_by_our_names_and_nothing_is_repeated(
    client: httpx.AsyncClient, body: bytes, pointers: list[str]
) -> None:
    answer = await client.post("/v1/accounts", content=body, headers=HEADERS)

    assert is_a_problem(answer, 422, "invalid-request")
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    assert all(each["detail"] for each in answer.json()["errors"])
    assert SECRET not in answer.text
    assert "corr" not in answer.text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a name twice", "twice"),
        ("a name twice inside", "twice"),
        ("deep", "too_deep"),
        ("deep objects", "too_deep"),
        ("not UTF-8", "not_utf8"),
        ("cut off", "not_json"),
        ("a huge number", "not_json"),
    ],
)
async def test_why_it_cannot_be_read_is_told(client: httpx.AsyncClient, name: str, code: str) -> None:
    answer = await client.post("/v1/accounts", content=NOT_JSON[name], headers=HEADERS)

    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("", code)]


async def test_a_json_body_ends_at_64_kibibytes(client: httpx.AsyncClient) -> None:
    fits = await client.post("/v1/accounts", content=register(phone="1" * (64 * 1024 - 400)), headers=HEADERS)
    too_large = await client.post("/v1/accounts", content=register(phone="1" * 64 * 1024), headers=HEADERS)

    assert is_a_problem(fits, 422, "invalid-request")
    assert is_a_problem(too_large, 413, "body-too-large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_another_kind_of_body_is_not_understood(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/v1/accounts", content=register(), headers=HEADERS | {"Content-Type": kind})

    assert is_a_problem(answer, 415, "json-needed")
    assert "correct horse" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", f"/v1/{SECRET}", 404, "not-found"),
        ("GET", "/v1/accounts", 405, "method-not-allowed"),
        ("PATCH", "/v1/me", 405, "method-not-allowed"),
        ("TRACE", "/v1/me", 405, "method-not-allowed"),
        ("GET", "/v1/notices/nothing", 404, "not-found"),
    ],
)
async def test_what_is_not_there_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)

    assert is_a_problem(answer, status, code)
    assert SECRET not in answer.text
    if status == 405:
        assert answer.headers["allow"]


async def test_a_wrong_query_names_its_part_and_repeats_nothing(client: httpx.AsyncClient, house: House) -> None:
    answer = await client.get("/dev/messages", params={"phone": SECRET * 3})

    assert is_a_problem(answer, 422, "invalid-request")
    assert [each["pointer"] for each in answer.json()["errors"]] == ["query:phone"]
    assert SECRET not in answer.text


def test_every_route_with_a_json_body_reads_it_strictly() -> None:
    modules = [importlib.import_module(f"app.routers.{each.name}") for each in pkgutil.iter_modules(routers.__path__)]
    found = [route for module in modules if hasattr(module, "router") for route in module.router.routes]

    with_bodies = [route for route in found if getattr(route, "body_field", None) and route.path.startswith("/v1/")]

    assert len(with_bodies) > 10
    assert [route.path for route in with_bodies if not isinstance(route, StrictRoute)] == []


class TestFast:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"requests_per_minute": 3})

    async def test_who_asks_too_fast_is_told_when_to_come_again(self, client: httpx.AsyncClient) -> None:
        answers = [await client.get("/v1/me") for _ in range(4)]

        assert [answer.status_code for answer in answers] == [401] * 3 + [429]
        refused = answers[-1]
        assert is_a_problem(refused, 429, "too-many-requests")
        wait = refused.headers["retry-after"]
        assert 0 < int(wait) <= 60
        assert refused.headers["ratelimit"] == f'"too-many-requests";r=0;t={wait}'
        assert refused.headers["ratelimit-policy"] == '"too-many-requests";q=3;w=60'
        assert (await client.get("/healthz")).status_code == 200


async def test_a_wrong_choice_is_told_what_there_is_and_no_more(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/sms-codes", json={"phone": PHONE, "purpose": SECRET})

    [said] = answer.json()["errors"]
    assert (said["pointer"], said["code"]) == ("/purpose", "choice")
    assert {"register", "sign_in"} <= set(said["allowed"])
    assert SECRET not in answer.text


async def test_what_is_beyond_a_bound_is_told_the_bound(client: httpx.AsyncClient) -> None:
    few, many = [await client.get(f"/v1/offices?region=100101&limit={limit}") for limit in (0, 1000)]

    assert few.json()["errors"][0] | {"detail": ""} == {
        "pointer": "query:limit",
        "code": "out_of_range",
        "detail": "",
        "minimum": 1,
    }
    assert many.json()["errors"][0]["maximum"] == 100
