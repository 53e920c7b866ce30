"""What a remote provider may answer, and that everything else is its fault and nobody's failure."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import pytest
from remote_signatures import Signatures
from structlog.testing import capture_logs

from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.ports.face import FaceDecision, FaceReason, MatchSource
from tests.adapters.face.remote_scene import (
    BEGUN,
    CHECK,
    JSON,
    NUMBER,
    PASSED,
    REQUEST,
    Scene,
    opened,
    refuses,
    said,
    unavailable,
)
from tests.adapters.face.remote_stage import SECRET
from tests.factories.servers import loopback_client

NOT_ALIVE: JSON = {"done": True, "passed": False, "kind": None, "score_band": "low"}
NOT_ASKED: JSON = {"done": False, "passed": False, "kind": None, "score_band": None}
NOT_COMPARED: JSON = {"done": False, "passed": False, "source": "none", "score_band": None}
OTHER_FACE: JSON = {"done": True, "passed": False, "source": "register", "score_band": "low"}


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with opened() as scene:
        yield scene


async def test_a_whole_answer_is_told_as_it_is(scene: Scene) -> None:
    result = await scene.provider.result(scene.ref)
    await scene.provider.cancel(scene.ref)

    assert (result.decision, result.reason) == (FaceDecision.PASSED, FaceReason.OK)
    assert (result.liveness.kind, result.match.source) == ("blink", MatchSource.OWN_PHOTO)
    assert (result.match.score_band, result.provider_code, result.charged) == (None, "1000", False)
    assert result.occurred_at == datetime(2020, 2, 29, tzinfo=UTC)
    assert scene.vendor.asked == ["POST /checks", "GET /checks/7fd2b1", "DELETE /checks/7fd2b1"]


async def test_below_an_address_with_a_path_the_signed_path_is_the_contracts() -> None:
    async with opened() as scene, loopback_client() as client:
        options = {"endpoint": f"{scene.url}/faces/v1/", "secrets": SECRET}

        await RemoteFaceProvider(MovableClock(), client, options).start(REQUEST)

        headers, body = scene.vendor.heard[-1]
        assert scene.vendor.asked[-1] == "POST /faces/v1/checks"
        assert not Signatures([SECRET]).is_request_of_escard("POST", "/faces/v1/checks", headers, body)
        assert Signatures([SECRET]).is_request_of_escard("POST", "/checks", headers, body)


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
