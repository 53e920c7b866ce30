"""The provider as others see it: what it tells clients, what it judges by, and what its workers may."""

import asyncio
import io
import multiprocessing
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from PIL import Image, ImageOps

from app.adapters.face.bundled import seeing
from app.adapters.face.bundled.challenges import Challenge
from app.adapters.face.bundled.provider import BundledFaceProvider
from app.core.clock import MovableClock
from app.ports.face import (
    FaceDecision,
    FaceEvidence,
    FaceMode,
    FaceReason,
    FaceRequest,
    FaceServiceUnavailable,
    FrameChallenge,
    FrameFaceProvider,
    MatchSource,
)
from tests.adapters.face.bundled.acting import jpeg
from tests.adapters.face.bundled.pictures import picture
from tests.adapters.face.bundled.stage import Cast, frames_of

pytest.importorskip("dlib", reason="the extra faces is not installed; make test-faces installs it")


@asynccontextmanager
async def provided(**options: str) -> AsyncIterator[BundledFaceProvider]:
    async with httpx.AsyncClient() as client:
        provider = BundledFaceProvider(clock=MovableClock(), client=client, options={"niceness": "0"} | options)
        yield provider
        await provider.close()


@pytest.fixture
async def provider() -> AsyncIterator[BundledFaceProvider]:
    async with provided() as made:
        yield made


def request(mode: FaceMode = FaceMode.LIVE, **meta: str) -> FaceRequest:
    return FaceRequest(
        check_id=uuid4(),
        mode=mode,
        name="王小明",
        number="100101199001010048",
        reference=b"a portrait",
        photo=None,
        device_meta=meta,
        callback_url="http://127.0.0.1:9/",
    )


class TestStart:
    async def test_a_client_is_told_what_to_show_and_what_to_send(self, provider: BundledFaceProvider) -> None:
        start = await provider.start(request())

        challenge = Challenge.of(start.provider_ref)
        assert start.client == {
            "kind": "bundled",
            "frames": "24",
            "frames_a_step": "6",
            "steps": ",".join(challenge.steps),
            "nonce": challenge.nonce,
            "seconds": "90",
        }
        assert provider.challenge(start.provider_ref) == FrameChallenge(24, challenge.nonce)
        assert isinstance(provider, FrameFaceProvider)

    async def test_each_check_has_a_word_of_its_own_and_the_orders_vary(self, provider: BundledFaceProvider) -> None:
        told = [(await provider.start(request())).client for _ in range(40)]

        assert len({client["nonce"] for client in told}) == 40
        assert len({client["steps"] for client in told}) > 5

    async def test_there_is_another_way_with_more_time(self, provider: BundledFaceProvider) -> None:
        start = await provider.start(request(accessible="true"))

        assert set(start.client["steps"].split(",")) == {"open_mouth", "hold_still"}
        assert start.client["seconds"] == "270"

    @pytest.mark.parametrize("asked", [request(FaceMode.PHOTO), replace(request(), reference=None)])
    async def test_nothing_is_filmed_by_photo_or_without_a_portrait(
        self, provider: BundledFaceProvider, asked: FaceRequest
    ) -> None:
        start = await provider.start(asked)

        assert start.client == {"kind": "bundled", "frames": "0"}
        assert provider.challenge(start.provider_ref).frames == 0


class TestJudging:
    async def test_the_result_is_told_in_bands(self, provider: BundledFaceProvider, cast: Cast) -> None:
        start = await provider.start(request())
        evidence = cast.evidence(Challenge.of(start.provider_ref), FaceReason.OK)

        result = await provider.judge(start.provider_ref, evidence)

        assert (result.decision, result.provider_code, result.charged) == (FaceDecision.PASSED, "same", False)
        assert (result.liveness.kind, result.match.source) == ("blink_and_turn", MatchSource.REGISTER)
        assert result.provider_ref == start.provider_ref

    async def test_the_other_way_passes_too(self, provider: BundledFaceProvider, cast: Cast) -> None:
        start = await provider.start(request(accessible="true"))
        evidence = cast.evidence(Challenge.of(start.provider_ref), FaceReason.OK)

        result = await provider.judge(start.provider_ref, evidence)

        assert (result.reason, result.liveness.kind) == (FaceReason.OK, "open_mouth")

    async def test_a_camera_that_mirrors_is_right_when_it_says_so(
        self, provider: BundledFaceProvider, cast: Cast
    ) -> None:
        said, unsaid = [await provider.start(request(FaceMode.LIVE, **meta)) for meta in ({"mirrored": "true"}, {})]

        results = []
        for start in (said, unsaid):
            challenge = Challenge.of(start.provider_ref)
            contents = [jpeg(ImageOps.mirror(Image.open(io.BytesIO(frame)))) for frame in cast.actor.film(challenge)]
            evidence = FaceEvidence(jpeg(picture("obama2")), None, frames_of(contents, challenge.started_at))
            results.append((await provider.judge(start.provider_ref, evidence)).reason)

        assert results == [FaceReason.OK, FaceReason.LIVENESS_FAILED]

    async def test_a_portrait_that_came_since_the_start_changes_nothing(
        self, provider: BundledFaceProvider, cast: Cast
    ) -> None:
        start = await provider.start(replace(request(), reference=None))

        result = await provider.judge(start.provider_ref, FaceEvidence(jpeg(picture("obama")), None, ()))

        assert (result.reason, result.provider_code) == (FaceReason.SOURCE_PHOTO_MISSING, "no_portrait")

    @pytest.mark.parametrize("portrait", [b"", b"\xff\xd8\xff\xe0broken", jpeg(picture("chelsea"))])
    async def test_a_portrait_that_shows_nobody_is_none(
        self, provider: BundledFaceProvider, cast: Cast, portrait: bytes
    ) -> None:
        start = await provider.start(request(FaceMode.PHOTO))

        result = await provider.judge(start.provider_ref, FaceEvidence(portrait, jpeg(cast.actor.photo), ()))

        assert (result.reason, result.provider_code) == (FaceReason.SOURCE_PHOTO_MISSING, "no_face_in_portrait")

    async def test_frames_with_a_gap_are_not_all(self, provider: BundledFaceProvider, cast: Cast) -> None:
        start = await provider.start(request())
        evidence = cast.evidence(Challenge.of(start.provider_ref), FaceReason.OK)
        gap = replace(evidence, frames=(*evidence.frames[:3], *evidence.frames[4:], evidence.frames[-1]))

        assert (await provider.judge(start.provider_ref, gap)).reason is FaceReason.NOT_FINISHED


class TestWorkers:
    async def test_they_judge_beside_the_server_and_have_given_up_what_they_need_not(self, cast: Cast) -> None:
        elsewhere = {child.pid for child in multiprocessing.active_children()}
        # Of niceness 19 it would get next to nothing beside the other workers of a run, and would ask to come again.
        async with provided(niceness="2", patience_seconds="300") as provider:
            start = await provider.start(request(FaceMode.PHOTO))
            evidence = cast.evidence(Challenge.of(start.provider_ref), FaceReason.OK)
            judging = asyncio.create_task(provider.judge(start.provider_ref, evidence))
            ticks = 0
            while not judging.done():
                await asyncio.sleep(0.01)
                ticks += 1
            (pid,) = {child.pid for child in multiprocessing.active_children()} - elsewhere

            assert (await judging).reason is FaceReason.OK
            assert ticks > 20, "loading the models alone takes longer than that"
            assert pid is not None
            assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 2
            assert resource.prlimit(pid, resource.RLIMIT_AS)[1] == 1024**3
            assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
            assert resource.prlimit(pid, resource.RLIMIT_CPU)[0] < 120

        assert {child.pid for child in multiprocessing.active_children()} == elsewhere

    async def test_a_full_queue_is_nobodys_failure(self, cast: Cast) -> None:
        async with provided(waiting="1") as provider:
            start = await provider.start(request(FaceMode.PHOTO))
            evidence = cast.evidence(Challenge.of(start.provider_ref), FaceReason.OK)
            first = asyncio.create_task(provider.judge(start.provider_ref, evidence))
            await asyncio.sleep(0)

            with pytest.raises(FaceServiceUnavailable) as busy:
                await provider.judge(start.provider_ref, evidence)

            assert (busy.value.reason, busy.value.retry_after_seconds) == (FaceReason.PROVIDER_BUSY, 10)
            assert (await first).reason is FaceReason.OK

    def test_the_server_itself_does_not_load_the_library(self) -> None:
        assert seeing.is_there()
        assert seeing._models.cache_info().currsize == 0


async def test_the_time_is_up_after_the_last_second_and_not_before(provider: BundledFaceProvider, cast: Cast) -> None:
    start = await provider.start(request())
    challenge = Challenge.of(start.provider_ref)
    evidence = cast.evidence(challenge, FaceReason.OK)
    last = challenge.started_at + timedelta(seconds=90)
    in_time = replace(evidence, frames=tuple(replace(frame, received_at=last) for frame in evidence.frames))
    one_late = replace(evidence.frames[0], received_at=last + timedelta(milliseconds=1))

    punctual = await provider.judge(start.provider_ref, in_time)
    late = await provider.judge(start.provider_ref, replace(in_time, frames=(one_late, *in_time.frames[1:])))

    assert (punctual.decision, late.decision, late.reason) == (
        FaceDecision.PASSED,
        FaceDecision.EXPIRED,
        FaceReason.TIMED_OUT,
    )
