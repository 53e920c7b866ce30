"""A remote provider: what it promises, what it signs and believes, and what it makes of every answer."""

import json
import time
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from remote_faces import RemoteFaces
from structlog.testing import capture_logs

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.kit.promises import PROMISES
from app.ports.face import (
    FaceDecision,
    FaceMode,
    FaceReason,
    FaceRequest,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
    ScoreBand,
)
from tests.adapters.face.remote_stage import OTHER_SECRET, SECRET, RemoteStage, remote_stage, signed_callback
from tests.factories.servers import loopback_client, serving

JSON = dict[str, Any]
NAME = "古丽·买买提"
NUMBER = "100101199001010048"
PORTRAIT = portrait_photo(1)
CHECK = UUID("0196f0a2-7c1e-7d3a-9b55-3f0c2a61d7e4")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with loopback_client() as client:
        yield client


@pytest.fixture
async def stage() -> AsyncIterator[RemoteStage]:
    async with remote_stage() as stage:
        yield stage


def request(mode: FaceMode = FaceMode.LIVE, **changes: Any) -> FaceRequest:
    asked = FaceRequest(
        check_id=CHECK,
        mode=mode,
        name=NAME,
        number=NUMBER,
        reference=PORTRAIT,
        photo=PORTRAIT if mode is FaceMode.PHOTO else None,
        device_meta={},
        callback_url="http://127.0.0.1:9/v1/callbacks/face/remote",
    )
    return replace(asked, **changes)


async def unavailable(call: Any) -> FaceServiceUnavailable:
    with pytest.raises(FaceServiceUnavailable) as raised:
        await call
    return raised.value


@pytest.mark.parametrize("promise", PROMISES)
async def test_it_keeps_what_all_providers_promise(stage: RemoteStage, promise: str) -> None:
    await PROMISES[promise](stage)


def test_its_name_leads_to_it() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())

    offered = project["project"]["entry-points"]["escard.face_providers"][RemoteFaceProvider.name]
    assert offered == f"{RemoteFaceProvider.__module__}:{RemoteFaceProvider.__qualname__}"


class TestChecks:
    @pytest.mark.parametrize("mode", list(FaceMode))
    async def test_a_check_is_begun_with_all_that_the_provider_needs(
        self, stage: RemoteStage, clock: MovableClock, mode: FaceMode
    ) -> None:
        start = await stage.provider(clock).start(request(mode, device_meta={"sdk": "3.2"}))

        (method, path, body), (check,) = stage.door.asked[0], stage.example.checks
        sent = json.loads(body)
        assert (method, path) == ("POST", "/checks")
        assert (sent["check_id"], sent["mode"], sent["name"], sent["number"]) == (str(CHECK), mode, NAME, NUMBER)
        assert sent["device_meta"] == {"sdk": "3.2"}
        assert (sent["photo"] is None) == (mode is FaceMode.LIVE)
        assert start.client == ({"url": f"{stage.example.url}/pages/{check.page}"} if mode is FaceMode.LIVE else {})

    async def test_a_start_that_is_repeated_begins_nothing_new(self, stage: RemoteStage, clock: MovableClock) -> None:
        first, second = [await stage.provider(clock).start(request()) for _ in range(2)]

        assert first == second
        assert len(stage.example.checks) == 1
        assert [status for status, _ in stage.door.answers] == [201, 200]

    async def test_what_is_clicked_is_the_result(self, stage: RemoteStage, clock: MovableClock) -> None:
        provider = stage.provider(clock)
        start = await provider.start(request())
        before = await provider.result(start.provider_ref)

        async with loopback_client() as browser:
            shown = await browser.get(start.client["url"])
            clicked = await browser.post(start.client["url"], data={"outcome": "ok"}, follow_redirects=True)
            late = await browser.post(start.client["url"], data={"outcome": "face_mismatch"})
        after = await provider.result(start.provider_ref)

        assert 'value="face_mismatch"' in shown.text
        assert "It has ended: ok" in clicked.text
        assert late.status_code == 303
        assert (before.decision, before.reason) == (FaceDecision.PENDING, FaceReason.NOT_FINISHED)
        assert (after.decision, after.reason, after.charged) == (FaceDecision.PASSED, FaceReason.OK, True)
        assert after.liveness == Liveness(done=True, passed=True, kind="played", score_band=ScoreBand.HIGH)
        assert after.match == Match(done=True, passed=True, source=MatchSource.REGISTER, score_band=ScoreBand.HIGH)
        assert (after.provider_code, after.provider_ref) == ("played:ok", start.provider_ref)
        assert abs(after.occurred_at - clock.now()) < timedelta(seconds=30)

    @pytest.mark.parametrize(
        ("mode", "reference", "reason"),
        [
            (FaceMode.PHOTO, PORTRAIT, FaceReason.OK),
            (FaceMode.PHOTO, None, FaceReason.SOURCE_PHOTO_MISSING),
            (FaceMode.LIVE, None, FaceReason.SOURCE_PHOTO_MISSING),
        ],
    )
    async def test_what_the_provider_knows_at_once_is_a_result(
        self, stage: RemoteStage, clock: MovableClock, mode: FaceMode, reference: bytes | None, reason: FaceReason
    ) -> None:
        provider = stage.provider(clock)

        start = await provider.start(request(mode, reference=reference))

        assert (await provider.result(start.provider_ref)).reason is reason

    async def test_a_check_is_given_up_once_it_is_open_and_stays_when_it_has_ended(
        self, stage: RemoteStage, clock: MovableClock
    ) -> None:
        provider = stage.provider(clock)
        given_up = await provider.start(request())
        ended = await provider.start(request(check_id=uuid4(), device_meta={"outcome": "ok"}))

        for start in (given_up, ended, ended):
            await provider.cancel(start.provider_ref)

        said = [await provider.result(start.provider_ref) for start in (given_up, ended)]
        assert [(each.decision, each.reason) for each in said] == [
            (FaceDecision.CANCELLED, FaceReason.USER_CANCELLED),
            (FaceDecision.PASSED, FaceReason.OK),
        ]

    async def test_a_check_that_the_provider_has_forgotten_is_given_up_but_has_no_result(
        self, stage: RemoteStage, clock: MovableClock
    ) -> None:
        provider = stage.provider(clock)
        start = await provider.start(request())
        stage.example.checks.clear()

        await provider.cancel(start.provider_ref)
        refused = await unavailable(provider.result(start.provider_ref))

        assert [status for status, _ in stage.door.answers[1:]] == [404, 404]
        assert refused.reason is FaceReason.PROVIDER_MISCONFIGURED


class TestSignatures:
    async def test_each_request_is_signed_for_its_method_and_path(
        self, stage: RemoteStage, clock: MovableClock, client: httpx.AsyncClient
    ) -> None:
        """Who has heard us ask cannot give the check up with what was heard, nor ask about another."""
        provider = stage.provider(clock)
        start = await provider.start(request())
        await provider.start(request(check_id=uuid4()))
        await provider.result(start.provider_ref)
        heard = {name: value for name, value in stage.door.headers[-1].items() if name.startswith("webhook-")}
        fresh = heard | {"webhook-id": "req_fresh"}
        one, other = (f"{stage.options['endpoint']}/checks/{check.name}" for check in stage.example.checks)

        answers = [
            await client.delete(one, headers=heard),
            await client.get(other, headers=heard),
            await client.get(one, headers=fresh),
            await client.get(one),
            await client.post(f"{stage.options['endpoint']}/checks", headers=heard),
        ]

        assert [answer.status_code for answer in answers] == [401] * 5
        assert stage.example.checks[0].is_open

    async def test_a_request_counts_once(
        self, stage: RemoteStage, clock: MovableClock, client: httpx.AsyncClient
    ) -> None:
        await stage.provider(clock).start(request())
        (_, path, body), headers = stage.door.asked[0], stage.door.headers[0]

        again = await client.post(stage.options["endpoint"] + path, content=body, headers=headers)

        assert (again.status_code, again.json()) == (401, {"reason": "provider_misconfigured"})

    async def test_no_two_requests_have_one_id(self, stage: RemoteStage, clock: MovableClock) -> None:
        provider = stage.provider(clock)
        start = await provider.start(request())
        for _ in range(3):
            await provider.result(start.provider_ref)

        assert len({headers["webhook-id"] for headers in stage.door.headers}) == 4
        assert [status for status, _ in stage.door.answers] == [201, 200, 200, 200]

    @pytest.mark.parametrize("seconds", [-86400, -330, 330])
    async def test_clocks_that_differ_are_a_mistake_in_the_set_up(
        self, clock: MovableClock, client: httpx.AsyncClient, seconds: int
    ) -> None:
        example = RemoteFaces([SECRET], "http://127.0.0.1", now=lambda: time.time() + seconds)
        async with serving(example.app()) as url:
            provider = RemoteFaceProvider(clock, client, {"endpoint": url, "secrets": SECRET})
            with capture_logs() as lines:
                refused = await unavailable(provider.start(request()))

        assert refused.reason is FaceReason.PROVIDER_MISCONFIGURED
        assert example.checks == []
        assert lines == []

    @pytest.mark.parametrize("seconds", [-270, 270])
    async def test_clocks_may_differ_a_little(
        self, clock: MovableClock, client: httpx.AsyncClient, seconds: int
    ) -> None:
        example = RemoteFaces([SECRET], "http://127.0.0.1", now=lambda: time.time() + seconds)
        async with serving(example.app()) as url:
            provider = RemoteFaceProvider(clock, client, {"endpoint": url, "secrets": SECRET})
            start = await provider.start(request(FaceMode.PHOTO))

            assert (await provider.result(start.provider_ref)).decision is FaceDecision.PASSED

    @pytest.mark.parametrize(
        ("ours", "theirs", "is_believed"),
        [
            ((SECRET,), (SECRET, OTHER_SECRET), True),
            ((OTHER_SECRET, SECRET), (SECRET,), True),
            ((OTHER_SECRET, SECRET), (OTHER_SECRET,), True),
            ((SECRET,), (OTHER_SECRET,), False),
        ],
    )
    async def test_a_secret_is_changed_while_checks_are_under_way(
        self, clock: MovableClock, ours: tuple[str, ...], theirs: tuple[str, ...], *, is_believed: bool
    ) -> None:
        async with remote_stage(*theirs) as stage:
            stage.options["secrets"] = " ".join(ours)
            provider = stage.provider(clock)
            event = provider.event_of(signed_callback(CHECK, *theirs))

            if is_believed:
                start = await provider.start(request(FaceMode.PHOTO))
                assert (await provider.result(start.provider_ref)).reason is FaceReason.OK
            else:
                assert (await unavailable(provider.start(request()))).reason is FaceReason.PROVIDER_MISCONFIGURED
            assert (event is not None) == is_believed
