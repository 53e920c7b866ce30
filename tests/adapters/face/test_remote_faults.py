"""A remote provider that drips, floods, says nothing or is not there; and nothing personal is told of it."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from functools import partial

import pytest
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.kit.playing import Keeping
from app.ports.face import FaceReason
from tests.adapters.face.remote_scene import (
    NAME,
    NUMBER,
    PASSED,
    REQUEST,
    Scene,
    opened,
    said,
    unavailable,
)
from tests.adapters.face.remote_stage import SECRET
from tests.factories.servers import loopback_client


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with opened() as scene:
        yield scene


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
