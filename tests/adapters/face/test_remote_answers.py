"""What a remote provider may answer, and that everything else is its fault and nobody's failure."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.kit.playing import Keeping
from app.ports.face import FaceDecision, FaceMode, FaceReason, FaceRequest, FaceServiceUnavailable, MatchSource
from tests.adapters.face.remote_stage import SECRET
from tests.factories.servers import loopback_client, serving

JSON = dict[str, Any]
NAME = "古丽·买买提"
NUMBER = "100101199001010048"
CHECK = UUID("0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e4")
REQUEST = FaceRequest(
    CHECK, FaceMode.LIVE, NAME, NUMBER, portrait_photo(1), None, {}, "http://127.0.0.1:9/v1/callbacks/face/remote"
)
BEGUN: JSON = {"id": "7fd2b1", "client": {"url": "https://faces.example/pages/1"}}
PASSED: JSON = {
    "check_id": str(CHECK),
    "mode": "live",
    "decision": "passed",
    "reason": "ok",
    "liveness": {"done": True, "passed": True, "kind": "blink", "score_band": "medium"},
    "match": {"done": True, "passed": True, "source": "own_photo", "score_band": None},
    "code": "1000",
    "charged": False,
    "occurred_at": "2020-02-29T08:00:00+08:00",
}
OPTIONS = {"endpoint": "https://faces.example/v1", "secrets": SECRET}
NOT_ALIVE: JSON = {"done": True, "passed": False, "kind": None, "score_band": "low"}
NOT_ASKED: JSON = {"done": False, "passed": False, "kind": None, "score_band": None}
NOT_COMPARED: JSON = {"done": False, "passed": False, "source": "none", "score_band": None}
OTHER_FACE: JSON = {"done": True, "passed": False, "source": "register", "score_band": "low"}


@dataclass
class Vendor:
    """Answers each call as it is told."""

    begun: Response = field(default_factory=lambda: said(BEGUN, 201))
    standing: Response = field(default_factory=lambda: said(PASSED))
    given_up: Response = field(default_factory=lambda: Response(status_code=204))
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(f"{scope['method']} {scope['path']}")
        await Request(scope, receive).body()
        answer = {"POST": self.begun, "GET": self.standing, "DELETE": self.given_up}[scope["method"]]
        await answer(scope, receive, send)


@dataclass
class Scene:
    """A provider, its vendor, and a check that has begun."""

    vendor: Vendor
    provider: RemoteFaceProvider
    url: str
    ref: str = ""

    def calls(self) -> list[tuple[str, Callable[[], Awaitable[object]]]]:
        return [
            ("begun", lambda: self.provider.start(REQUEST)),
            ("standing", lambda: self.provider.result(self.ref)),
            ("given_up", lambda: self.provider.cancel(self.ref)),
        ]

    async def reasons(self, answer: Callable[[], Response], *calls: str) -> list[FaceReason]:
        """Answer each call in this way; return what keeps the provider from answering."""
        reasons = []
        for name, call in self.calls():
            if not calls or name in calls:
                setattr(self.vendor, name, answer())
                reasons.append((await unavailable(call())).reason)
        return reasons


@asynccontextmanager
async def opened(client_seconds: float = 20, **options: str) -> AsyncIterator[Scene]:
    vendor = Vendor()
    async with serving(vendor, lifespan="off") as url, loopback_client() as client:
        provider = RemoteFaceProvider(MovableClock(), client, {"endpoint": url, "secrets": SECRET} | options)
        scene = Scene(vendor, provider, url)
        scene.ref = (await provider.start(REQUEST)).provider_ref
        client.timeout = httpx.Timeout(client_seconds)
        yield scene


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with opened() as scene:
        yield scene


def said(body: object, status: int = 200, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status, named, "application/json")


async def unavailable(call: Awaitable[object]) -> FaceServiceUnavailable:
    with pytest.raises(FaceServiceUnavailable) as raised:
        await call
    return raised.value


async def refuses(call: Awaitable[object]) -> bool:
    """Say whether an answer is not understood."""
    try:
        await call
    except FaceServiceUnavailable as error:
        return error.reason is FaceReason.PROVIDER_MISCONFIGURED
    return False


async def test_a_whole_answer_is_told_as_it_is(scene: Scene) -> None:
    result = await scene.provider.result(scene.ref)
    await scene.provider.cancel(scene.ref)

    assert (result.decision, result.reason) == (FaceDecision.PASSED, FaceReason.OK)
    assert (result.liveness.kind, result.match.source) == ("blink", MatchSource.OWN_PHOTO)
    assert (result.match.score_band, result.provider_code, result.charged) == (None, "1000", False)
    assert result.occurred_at == datetime(2020, 2, 29, tzinfo=UTC)
    assert scene.vendor.asked == ["POST /checks", "GET /checks/7fd2b1", "DELETE /checks/7fd2b1"]


async def test_below_an_address_with_a_path_the_signed_path_is_the_contracts() -> None:
    async with opened() as scene:
        await RemoteFaceProvider(
            MovableClock(), scene.provider._client, {"endpoint": f"{scene.url}/faces/v1/", "secrets": SECRET}
        ).start(REQUEST)

        assert scene.vendor.asked[-1] == "POST /faces/v1/checks"


NO_ANSWERS = [
    b"",
    b"null",
    b"[]",
    b'"ok"',
    b"{",
    b"{}",
    b"\xff\xfe",
    b"<html></html>",
    b"[" * 60000,
    b'{"a":' * 10000,
    b" " * 70000,
    gzip.compress(json.dumps(PASSED).encode(), mtime=0),
    b"1e999",
]


async def test_what_is_no_answer_is_a_mistake_in_the_set_up(scene: Scene) -> None:
    reasons = {body[:20]: await scene.reasons(partial(said, body), "begun", "standing") for body in NO_ANSWERS}

    assert reasons == {body[:20]: [FaceReason.PROVIDER_MISCONFIGURED] * 2 for body in NO_ANSWERS}


async def test_an_answer_without_end_is_cut(scene: Scene) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 10000
            await asyncio.sleep(0.001)

    reasons = await scene.reasons(lambda: StreamingResponse(endless()), "begun", "standing", "given_up")

    assert reasons == [FaceReason.PROVIDER_MISCONFIGURED] * 3
    assert sent < 1000


async def test_a_packed_answer_is_not_unpacked(scene: Scene) -> None:
    for content in (json.dumps(PASSED).encode(), bytes(10_000_000)):
        packed = partial(said, gzip.compress(content), content_encoding="gzip")

        assert await scene.reasons(packed, "standing") == [FaceReason.PROVIDER_MISCONFIGURED]


async def test_an_answer_that_drips_is_given_up_in_time() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.1)

    async with opened(timeout_seconds="1") as scene, asyncio.timeout(20):
        reasons = await scene.reasons(lambda: StreamingResponse(drip()))

    assert reasons == [FaceReason.NETWORK] * 3


async def test_who_does_not_answer_is_given_up_in_time() -> None:
    async def silence() -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    async with opened(client_seconds=0.3) as scene, asyncio.timeout(20):
        reasons = await scene.reasons(lambda: StreamingResponse(silence()))

    assert reasons == [FaceReason.NETWORK] * 3


async def test_where_nobody_listens_it_is_the_network() -> None:
    async with loopback_client() as client:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        provider = RemoteFaceProvider(
            MovableClock(), client, {"endpoint": f"http://127.0.0.1:{port}", "secrets": SECRET}
        )

        refused = await unavailable(provider.start(REQUEST))

    assert refused.reason is FaceReason.NETWORK


REFUSALS = [
    (400, b"", FaceReason.PROVIDER_MISCONFIGURED),
    (401, b"", FaceReason.PROVIDER_MISCONFIGURED),
    (402, b"", FaceReason.PROVIDER_ARREARS),
    (403, b"<html>", FaceReason.PROVIDER_MISCONFIGURED),
    (409, b"{}", FaceReason.PROVIDER_MISCONFIGURED),
    (422, b'{"reason": "face_mismatch"}', FaceReason.PROVIDER_MISCONFIGURED),
    (429, b"", FaceReason.PROVIDER_BUSY),
    (429, b'{"reason": "provider_daily_limit"}', FaceReason.PROVIDER_DAILY_LIMIT),
    (429, b'{"reason": "provider_daily_limit", "more": 1}', FaceReason.PROVIDER_BUSY),
    (500, b"", FaceReason.NETWORK),
    (500, b'{"reason": "provider_arrears"}', FaceReason.PROVIDER_ARREARS),
    (502, b"<html>", FaceReason.NETWORK),
    (503, b"", FaceReason.PROVIDER_BUSY),
    (202, json.dumps(PASSED).encode(), FaceReason.PROVIDER_MISCONFIGURED),
    (203, json.dumps(BEGUN).encode(), FaceReason.PROVIDER_MISCONFIGURED),
]


async def test_refusals_have_the_reason_that_is_said_or_that_of_their_status(scene: Scene) -> None:
    told = [(status, body, await scene.reasons(partial(said, body, status))) for status, body, _ in REFUSALS]

    assert told == [(status, body, [reason] * 3) for status, body, reason in REFUSALS]


async def test_nobody_is_sent_elsewhere(scene: Scene) -> None:
    reasons = await scene.reasons(lambda: said(b"", 307, location=f"{scene.url}/elsewhere"))

    assert reasons == [FaceReason.PROVIDER_MISCONFIGURED] * 3
    assert not any("elsewhere" in asked for asked in scene.vendor.asked)


WAITS: list[tuple[int, str, int | None]] = [
    (503, "30", 30),
    (429, "3600", 3600),
    (429, "3601", None),
    (429, "0", None),
    (429, "-1", None),
    (429, "9" * 5000, None),
    (429, "Sun, 22 Nov 2026 08:00:00 GMT", None),
    (500, "30", None),
]


async def test_a_busy_provider_says_when_to_come_back(scene: Scene) -> None:
    told = []
    for status, wait, _ in WAITS:
        scene.vendor.standing = said(b"", status, retry_after=wait)
        told.append((status, wait, (await unavailable(scene.provider.result(scene.ref))).retry_after_seconds))

    assert told == WAITS


BEGINNINGS: list[JSON] = [
    {"id": ""},
    {"id": "../checks"},
    {"id": "a/b"},
    {"id": "7fd2b1\n"},
    {"id": "x" * 65},
    {"id": 7},
    {"client": None},
    {"client": {"url": "javascript:alert(1)"}},
    {"client": {"url": "//elsewhere.example"}},
    {"client": {"url": 7}},
    {"client": {"Token": "x"}},
    {"client": {"token": "x" * 4097}},
    {"client": {f"t{n}": "x" for n in range(17)}},
    {"result": "passed"},
]


async def test_a_beginning_that_is_not_the_contracts_is_none(scene: Scene) -> None:
    for changes in BEGINNINGS:
        scene.vendor.begun = said(BEGUN | changes, 201)
        assert await refuses(scene.provider.start(REQUEST)), changes


CONTRADICTIONS: list[JSON] = [
    {"reason": "thinking"},
    {"reason": "OK"},
    {"decision": "failed"},
    {"reason": "face_mismatch"},
    {"decision": "failed", "reason": "ok"},
    {"decision": "failed", "reason": "provider_arrears", "match": NOT_COMPARED},
    {"decision": "failed", "reason": "face_mismatch"},
    {"decision": "failed", "reason": "face_mismatch", "match": NOT_COMPARED},
    {"decision": "failed", "reason": "liveness_failed"},
    {"decision": "failed", "reason": "capture_quality", "match": OTHER_FACE},
    {"decision": "pending", "reason": "not_finished", "liveness": NOT_ALIVE, "match": NOT_COMPARED},
    {"liveness": NOT_ASKED},
    {"liveness": NOT_ALIVE},
    {"liveness": {**NOT_ASKED, "passed": True}},
    {"liveness": {**NOT_ASKED, "score_band": "high"}},
    {"liveness": {**PASSED["liveness"], "score": 0.97}},
    {"liveness": {**PASSED["liveness"], "score_band": 97}},
    {"liveness": {**PASSED["liveness"], "passed": "true"}},
    {"liveness": {**PASSED["liveness"], "passed": 1}},
    {"liveness": {**PASSED["liveness"], "kind": "Blink twice"}},
    {"match": NOT_COMPARED},
    {"match": OTHER_FACE},
    {"match": {**PASSED["match"], "source": "none"}},
    {"match": {**NOT_COMPARED, "source": "register"}},
    {"match": {**NOT_COMPARED, "passed": True}},
    {"match": None},
    {"check_id": "0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e5"},
    {"check_id": str(CHECK).upper()},
    {"check_id": CHECK.hex},
    {"mode": "photo"},
    {"mode": "video"},
    {"charged": "yes"},
    {"charged": None},
    {"code": 1000},
    {"code": "王芳"},
    {"code": "x" * 65},
    {"occurred_at": "2026-11-22T08:00:00"},
    {"occurred_at": 1795334400},
    {"occurred_at": "yesterday"},
    {"occurred_at": "2199-01-01T00:00:00Z"},
    {"name": "王芳"},
]


async def test_a_result_that_contradicts_itself_or_the_contract_is_none(scene: Scene) -> None:
    for changes in CONTRADICTIONS:
        scene.vendor.standing = said(PASSED | changes)
        assert await refuses(scene.provider.result(scene.ref)), changes


async def test_no_part_of_a_result_may_be_missing(scene: Scene) -> None:
    inner = [(part, name) for part in ("liveness", "match") for name in PASSED[part]]
    for path in [(part,) for part in PASSED] + inner:
        whole = json.loads(json.dumps(PASSED))
        (whole if len(path) == 1 else whole[path[0]]).pop(path[-1])
        scene.vendor.standing = said(whole)
        assert await refuses(scene.provider.result(scene.ref)), path


@pytest.mark.parametrize("ref", ["", "x", "{}", '{"check": "1"}', "null", '{"check":"%s","mode":"live","name":"a/b"}'])
async def test_a_reference_that_is_not_ours_asks_nobody(scene: Scene, ref: str) -> None:
    asked = len(scene.vendor.asked)
    ref = ref.replace("%s", str(CHECK))

    for call in (scene.provider.result, scene.provider.cancel):
        assert (await unavailable(call(ref))).reason is FaceReason.PROVIDER_MISCONFIGURED

    assert len(scene.vendor.asked) == asked


async def test_an_answer_that_is_not_understood_is_logged_by_field_and_kind_alone(scene: Scene) -> None:
    wrong = PASSED | {"reason": "thinking", "王芳": NUMBER, "liveness": {**NOT_ASKED, "passed": True}}
    scene.vendor.standing = said(wrong)

    with capture_logs() as lines:
        await unavailable(scene.provider.result(scene.ref))

    assert lines == [
        {
            "event": "remote_not_understood",
            "log_level": "warning",
            "said": "CheckStanding",
            "faults": ["reason: enum", "liveness: what was not done has no outcome", ": extra_forbidden"],
        }
    ]


async def test_nothing_personal_is_logged_or_in_an_error(scene: Scene) -> None:
    lines: list[str] = []
    root, handler = logging.getLogger(), Keeping(lines)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    echo = {"name": NAME, "number": NUMBER, "photo": "/9j/4AAQ"}
    try:
        with capture_logs() as events:
            for status in (200, 201, 400, 500):
                for name, call in scene.calls():
                    setattr(scene.vendor, name, said(PASSED | echo, status))
                    error = await unavailable(call())
                    lines.extend([str(error), repr(error), repr(error.__cause__), str(error.__cause__)])
            lines.extend(map(str, [*events, scene.provider, scene.ref]))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    told = "\n".join(lines)
    assert "POST" in told
    assert [secret for secret in (NAME, NUMBER, "/9j/4AAQ", SECRET, SECRET[6:]) if secret in told] == []


class TestOptions:
    @pytest.mark.parametrize(
        ("modes", "expected"),
        [
            ({}, frozenset(FaceMode)),
            ({"modes": "both"}, frozenset(FaceMode)),
            ({"modes": "live"}, {FaceMode.LIVE}),
            ({"modes": "photo"}, {FaceMode.PHOTO}),
        ],
    )
    def test_it_makes_the_checks_that_its_other_side_can(self, modes: dict[str, str], expected: set[FaceMode]) -> None:
        assert RemoteFaceProvider(MovableClock(), loopback_client(), OPTIONS | modes).modes == expected

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"endpoint": "http://faces.example"}, "ENDPOINT: pictures and numbers go over https alone"),
            ({"endpoint": "http://127.0.0.1.faces.example"}, "ENDPOINT: pictures"),
            ({"endpoint": "ftp://faces.example"}, "ENDPOINT: pictures"),
            ({"endpoint": "faces.example"}, "ENDPOINT: an address has a host"),
            ({"endpoint": "https://"}, "ENDPOINT: an address has a host"),
            ({"endpoint": "https://me:hush@faces.example"}, "ENDPOINT: an address has a host"),
            ({"endpoint": "https://faces.example/?key=hush"}, "ENDPOINT: an address has a host"),
            ({"endpoint": "https://faces.example/?"}, "ENDPOINT: an address has a host"),
            ({"endpoint": "https://faces.example/#"}, "ENDPOINT: an address has a host"),
            ({"endpoint": " https://faces.example"}, "ENDPOINT"),
            ({"endpoint": "https://faces.example:hush"}, "ENDPOINT: it is no address"),
            ({"secrets": ""}, "SECRETS: a secret is needed"),
            ({"secrets": "hush"}, "SECRETS: a secret begins with whsec_"),
            ({"secrets": f"{SECRET} whsec_hush"}, "SECRETS: a secret has 24 to 64 bytes"),
            ({"modes": "hush"}, "MODES"),
            ({"timeout_seconds": "0"}, "TIMEOUT_SECONDS"),
            ({"key": "hush"}, "does not know ESCARD_FACE_OPTIONS__REMOTE__KEY"),
        ],
    )
    def test_what_is_wrong_is_named_and_not_shown(self, options: dict[str, str], words: str) -> None:
        with pytest.raises(LookupError) as refused:
            RemoteFaceProvider(MovableClock(), loopback_client(), OPTIONS | options)

        assert words in str(refused.value)
        assert "hush" not in str(refused.value)

    def test_what_is_missing_is_named(self) -> None:
        with pytest.raises(LookupError) as refused:
            RemoteFaceProvider(MovableClock(), loopback_client(), {})

        for option in ("ENDPOINT", "SECRETS"):
            assert f"needs ESCARD_FACE_OPTIONS__REMOTE__{option}" in str(refused.value)
