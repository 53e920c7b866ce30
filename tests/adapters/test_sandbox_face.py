"""The face provider that looks at no face: every outcome, and callbacks that really arrive."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from PIL import Image
from structlog.testing import capture_logs

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.clock import MovableClock
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceMode,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
    ScoreBand,
)

NUMBER = "100101199001010048"


@dataclass
class Mailbox:
    """A server on loopback that keeps the bodies it is sent."""

    url: str = ""
    status: int = 204
    bodies: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        self.bodies.append(await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        self.arrived.set()

    async def next(self) -> bytes:
        await asyncio.wait_for(self.arrived.wait(), 60)
        self.arrived.clear()
        return self.bodies[-1]


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    server = await asyncio.start_server(mailbox.answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    mailbox.url = f"http://{host}:{port}/v1/callbacks/face/sandbox"
    async with server:
        yield mailbox


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def outside() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


@pytest.fixture
async def provider(clock: MovableClock, outside: httpx.AsyncClient) -> AsyncIterator[SandboxFaceProvider]:
    provider = SandboxFaceProvider(clock, outside)
    yield provider
    await provider.close()


def request(
    scenario: str | None = None,
    *,
    mode: FaceMode = FaceMode.LIVE,
    reference: bytes | None = b"portrait",
    photo: bytes | None = None,
    callback_url: str = "http://127.0.0.1:9/",
) -> FaceRequest:
    return FaceRequest(
        check_id=uuid4(),
        mode=mode,
        name="王芳",
        number=NUMBER,
        reference=reference,
        photo=photo,
        device_meta={} if scenario is None else {"sandbox_scenario": scenario},
        callback_url=callback_url,
    )


async def play(provider: SandboxFaceProvider, asked: FaceRequest) -> FaceResult:
    return await provider.result((await provider.start(asked)).provider_ref)


class TestOutcomes:
    @pytest.mark.parametrize("mode", list(FaceMode))
    async def test_without_a_word_everybody_passes(self, provider: SandboxFaceProvider, mode: FaceMode) -> None:
        result = await play(provider, request(mode=mode))

        assert (result.decision, result.reason) == (FaceDecision.PASSED, FaceReason.OK)
        assert result.match == Match(done=True, passed=True, source=MatchSource.REGISTER, score_band=ScoreBand.HIGH)
        assert result.liveness.done == (mode is FaceMode.LIVE)
        assert result.charged

    async def test_without_a_portrait_there_is_nothing_to_compare_with(self, provider: SandboxFaceProvider) -> None:
        result = await play(provider, request(reference=None))

        assert (result.decision, result.reason) == (FaceDecision.FAILED, FaceReason.SOURCE_PHOTO_MISSING)
        assert result.match == Match(done=False)

    async def test_a_word_decides_without_a_portrait_too(self, provider: SandboxFaceProvider) -> None:
        assert (await play(provider, request("ok", reference=None))).decision is FaceDecision.PASSED

    @pytest.mark.parametrize(
        ("decision", "reasons"),
        [
            (FaceDecision.PASSED, {"ok"}),
            (FaceDecision.PENDING, {"not_finished", "provider_busy"}),
            (FaceDecision.CANCELLED, {"user_cancelled"}),
            (FaceDecision.EXPIRED, {"timed_out", "token_expired"}),
            (
                FaceDecision.ERROR,
                {"network", "provider_daily_limit", "provider_misconfigured", "provider_arrears"},
            ),
        ],
    )
    async def test_reasons_decide(
        self, provider: SandboxFaceProvider, decision: FaceDecision, reasons: set[str]
    ) -> None:
        decided = {
            reason.value for reason in FaceReason if (await play(provider, request(reason))).decision is decision
        }

        assert decided == reasons

    @pytest.mark.parametrize("mode", list(FaceMode))
    @pytest.mark.parametrize("reason", list(FaceReason))
    async def test_the_parts_of_a_result_agree(
        self, provider: SandboxFaceProvider, mode: FaceMode, reason: FaceReason
    ) -> None:
        result = await play(provider, request(reason, mode=mode))

        assert result.reason is reason
        assert result.provider_code == reason
        assert (result.decision is FaceDecision.PASSED) == (reason is FaceReason.OK) == result.match.passed
        assert result.charged == (result.liveness.done or result.match.done)
        for part in (result.liveness, result.match):
            assert part.done or part in (Liveness(done=False), Match(done=False))
            assert (part.score_band is None) != part.done
        if reason in (FaceReason.LIVENESS_FAILED, FaceReason.ATTACK_SUSPECTED):
            assert result.liveness.done
            assert not result.liveness.passed
            assert not result.match.done
        if reason is FaceReason.FACE_MISMATCH:
            assert result.match.done
            assert not result.match.passed

    async def test_a_provider_that_is_down_starts_nothing(self, provider: SandboxFaceProvider) -> None:
        with pytest.raises(FaceServiceUnavailable):
            await provider.start(request("provider_down"))

    @pytest.mark.parametrize("scenario", ["no_such_thing", "OK", "sandbox:ok"])
    async def test_an_unknown_word_is_a_mistake_in_the_set_up(
        self, provider: SandboxFaceProvider, scenario: str
    ) -> None:
        result = await play(provider, request(scenario))

        assert (result.decision, result.reason) == (FaceDecision.ERROR, FaceReason.PROVIDER_MISCONFIGURED)


class TestPhotos:
    async def test_a_comment_in_the_photo_decides(self, provider: SandboxFaceProvider) -> None:
        photo = portrait_photo(1, comment="sandbox:face_mismatch")

        result = await play(provider, request(mode=FaceMode.PHOTO, photo=photo))

        assert result.reason is FaceReason.FACE_MISMATCH

    async def test_the_word_of_the_start_goes_before_the_comment(self, provider: SandboxFaceProvider) -> None:
        photo = portrait_photo(1, comment="sandbox:face_mismatch")

        result = await play(provider, request("capture_quality", mode=FaceMode.PHOTO, photo=photo))

        assert result.reason is FaceReason.CAPTURE_QUALITY

    async def test_the_comment_is_found_behind_other_segments(self, provider: SandboxFaceProvider) -> None:
        photo, exif = io.BytesIO(), Image.Exif()
        exif[0x010E] = "sandbox:attack_suspected, but not in a comment"
        Image.new("RGB", (64, 64)).save(photo, "JPEG", exif=exif, comment=b"sandbox:timed_out")

        result = await play(provider, request(mode=FaceMode.PHOTO, photo=photo.getvalue()))

        assert result.reason is FaceReason.TIMED_OUT

    @pytest.mark.parametrize(
        "photo",
        [
            portrait_photo(1),
            portrait_photo(1, comment="taken on a sunny day"),
            b"",
            b"\xff\xd8",
            b"\xff\xd8\xff",
            b"\xff\xd8\xff\xfe",
            b"\xff\xd8\xff\xfe\x00\x00\xff\xe0\x00",
            b"sandbox:face_mismatch",
        ],
    )
    async def test_a_photo_without_such_a_comment_passes(self, provider: SandboxFaceProvider, photo: bytes) -> None:
        result = await play(provider, request(mode=FaceMode.PHOTO, photo=photo))

        assert result.decision is FaceDecision.PASSED


class TestReferences:
    async def test_another_process_gives_the_same_result(
        self, provider: SandboxFaceProvider, clock: MovableClock
    ) -> None:
        started = await provider.start(request("face_mismatch"))
        here = await provider.result(started.provider_ref)
        async with httpx.AsyncClient() as client:
            there = await SandboxFaceProvider(clock, client).result(started.provider_ref)

        assert here == there

    async def test_the_client_is_told_nothing_of_the_scenario(self, provider: SandboxFaceProvider) -> None:
        started = await provider.start(request("face_mismatch"))

        assert started.client.keys() == {"kind", "token"}
        assert started.client["kind"] == "sandbox"
        assert started.client["token"] not in started.provider_ref

    async def test_a_reference_tells_nothing_of_the_person(self, provider: SandboxFaceProvider) -> None:
        assert len((await provider.start(request())).provider_ref) < 200

    @pytest.mark.parametrize("reference", ["", "x", "bnVsbA==", "W10=", "WzEsMiwzLDRd", "ümlaut"])
    async def test_a_strange_reference_is_refused(self, provider: SandboxFaceProvider, reference: str) -> None:
        with pytest.raises(FaceServiceUnavailable):
            await provider.result(reference)
        with pytest.raises(FaceServiceUnavailable):
            await provider.cancel(reference)


class TestCallbacks:
    async def test_a_late_result_comes_with_its_callback(
        self, provider: SandboxFaceProvider, clock: MovableClock, mailbox: Mailbox
    ) -> None:
        asked = request("late_callback", callback_url=mailbox.url)
        started = await provider.start(asked)

        before = await provider.result(started.provider_ref)
        clock.move(timedelta(seconds=3))
        body = await mailbox.next()
        after = await provider.result(started.provider_ref)

        assert (before.decision, before.reason) == (FaceDecision.PENDING, FaceReason.NOT_FINISHED)
        assert not before.charged
        assert after.decision is FaceDecision.PASSED
        assert after.occurred_at >= before.occurred_at
        assert provider.event_of(FaceCallback({}, {}, body)) == FaceEvent(
            asked.check_id, orjson.loads(body)["event_id"]
        )

    async def test_a_late_callback_waits_for_its_time(
        self, clock: MovableClock, outside: httpx.AsyncClient, mailbox: Mailbox
    ) -> None:
        provider = SandboxFaceProvider(clock, outside, {"delay_seconds": "3600"})
        await provider.start(request("late_callback", callback_url=mailbox.url))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mailbox.arrived.wait(), 0.1)
        clock.move(timedelta(hours=1))
        await mailbox.next()

        assert len(mailbox.bodies) == 1
        await provider.close()

    async def test_a_duplicate_callback_is_one_event_told_twice(
        self, provider: SandboxFaceProvider, mailbox: Mailbox
    ) -> None:
        asked = request("duplicate_callback", callback_url=mailbox.url)
        started = await provider.start(asked)

        while len(mailbox.bodies) < 2:
            await mailbox.next()

        assert mailbox.bodies[0] == mailbox.bodies[1]
        body = orjson.loads(mailbox.bodies[0])
        assert body.keys() == {"check_id", "event_id"}
        assert UUID(body["check_id"]) == asked.check_id
        assert (await provider.result(started.provider_ref)).decision is FaceDecision.PASSED

    @pytest.mark.parametrize("scenario", [None, "no_callback", "face_mismatch"])
    async def test_nobody_else_calls_back(
        self, provider: SandboxFaceProvider, mailbox: Mailbox, scenario: str | None
    ) -> None:
        result = await play(provider, request(scenario, callback_url=mailbox.url))
        await asyncio.sleep(0.05)

        assert result.decision in (FaceDecision.PASSED, FaceDecision.FAILED)
        assert mailbox.bodies == []

    async def test_the_same_start_again_calls_back_once(
        self, provider: SandboxFaceProvider, clock: MovableClock, mailbox: Mailbox
    ) -> None:
        asked = request("late_callback", callback_url=mailbox.url)
        await provider.start(asked)
        await provider.start(asked)

        clock.move(timedelta(seconds=3))
        await mailbox.next()
        await asyncio.sleep(0.3)

        assert len(mailbox.bodies) == 1

    async def test_a_cancelled_check_calls_nobody(
        self, provider: SandboxFaceProvider, clock: MovableClock, mailbox: Mailbox
    ) -> None:
        started = await provider.start(request("late_callback", callback_url=mailbox.url))

        await provider.cancel(started.provider_ref)
        clock.move(timedelta(seconds=3))
        await asyncio.sleep(0.3)

        assert mailbox.bodies == []
        await provider.cancel(started.provider_ref)

    async def test_a_closed_provider_calls_nobody(
        self, provider: SandboxFaceProvider, clock: MovableClock, mailbox: Mailbox
    ) -> None:
        await provider.start(request("late_callback", callback_url=mailbox.url))

        await provider.close()
        clock.move(timedelta(seconds=3))
        await asyncio.sleep(0.3)

        assert mailbox.bodies == []

    @pytest.mark.parametrize("address", ["closed", "refusing", "nonsense"])
    async def test_a_callback_that_fails_is_logged_without_the_person(
        self, provider: SandboxFaceProvider, mailbox: Mailbox, address: str
    ) -> None:
        mailbox.status = 500
        url = {"closed": "http://127.0.0.1:9/", "refusing": mailbox.url, "nonsense": "http://[nonsense"}[address]

        with capture_logs() as logs:
            await provider.start(request("duplicate_callback", callback_url=url))
            while len(logs) < 2:  # noqa: ASYNC110 - a log tells nobody that it grew
                await asyncio.sleep(0.01)

        assert [line["event"] for line in logs] == ["sandbox_callback_failed"] * 2
        assert NUMBER not in str(logs)
        assert "王芳" not in str(logs)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"1",
            b"null",
            b"{}",
            b'{"check_id": 7}',
            b'{"check_id": "x"}',
            b'{"check_id": null}',
            b"\xff",
        ],
    )
    async def test_a_callback_that_names_no_check_names_none(self, provider: SandboxFaceProvider, body: bytes) -> None:
        assert provider.event_of(FaceCallback({}, {}, body)) is None
