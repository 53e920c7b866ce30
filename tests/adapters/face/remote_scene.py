"""A remote provider whose vendor answers as it is told."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import MovableClock
from app.ports.face import FaceMode, FaceReason, FaceRequest, FaceServiceUnavailable
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


@dataclass
class Vendor:
    """Answers each call as it is told."""

    begun: Response = field(default_factory=lambda: said(BEGUN, 201))
    standing: Response = field(default_factory=lambda: said(PASSED))
    given_up: Response = field(default_factory=lambda: Response(status_code=204))
    asked: list[str] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(f"{scope['method']} {scope['path']}")
        request = Request(scope, receive)
        self.heard.append((dict(request.headers), await request.body()))
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
