"""The example provider on loopback, as a stage that plays whatever is asked of it and fails when it is told to."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import orjson
from remote_faces import RemoteFaces
from remote_signatures import Signatures
from starlette.types import Message, Receive, Scope, Send

from app.adapters.face.remote import RemoteFaceProvider
from app.core.clock import Clock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart
from tests.factories.servers import loopback_client, serving

SECRET = "whsec_" + base64.b64encode(b"a secret of both our sides").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"a secret of nobody we know").decode()


class Door:
    """Stands before the example: keeps what is asked, with its answers, and lets it fail."""

    def __init__(self, example: RemoteFaces) -> None:
        self._app = example.app()
        self.fault: Fault | None = None
        self.asked: list[tuple[str, str, bytes]] = []
        self.answers: list[tuple[int, bytes]] = []
        self.headers: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self.fault is Fault.SILENT:
            while (await receive())["type"] != "http.disconnect":
                continue
        elif self.fault is not None:
            status = 500 if self.fault is Fault.BROKEN else 200
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"<html>\xff"})
        else:
            await self._through(scope, receive, send)

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked, said, status = bytearray(), bytearray(), [0]

        async def hear() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            status[0] = message.get("status", status[0])
            said.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, hear, say)
        self.asked.append((scope["method"], scope["path"], bytes(asked)))
        self.answers.append((status[0], bytes(said)))
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})


class RemoteStage(Stage):
    """A stage."""

    def __init__(self, example: RemoteFaces, door: Door, url: str, client: httpx.AsyncClient) -> None:
        self.example = example
        self.door = door
        self._client = client
        self.options = {"endpoint": url, "secrets": SECRET}

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        return frozenset(FaceReason)

    def provider(self, clock: Clock) -> FaceProvider:
        return RemoteFaceProvider(clock, self._client, self.options)

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        return replace(request, device_meta={"outcome": reason.value})

    async def fail(self, fault: Fault | None) -> None:
        self.door.fault = fault
        self._client.timeout = httpx.Timeout(0.3 if fault is Fault.SILENT else 20)

    def faults(self) -> frozenset[Fault]:
        return frozenset({Fault.SILENT, Fault.BROKEN, Fault.GARBLED})

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        genuine = signed_callback(request.check_id)
        return Callback(genuine, forged=signed_callback(request.check_id, OTHER_SECRET))


def signed_callback(check_id: object, *secrets: str, event: str | None = None, **changes: object) -> FaceCallback:
    """What the example calls back, signed by its own code."""
    said = {"type": "face_check.ended", "timestamp": "2026-11-22T08:00:00Z", "data": {"check_id": str(check_id)}}
    body = orjson.dumps(said | changes)
    return FaceCallback({}, Signatures(secrets or [SECRET]).sign(event or f"evt_{uuid4().hex}", body), body)


@asynccontextmanager
async def remote_stage(*secrets: str) -> AsyncIterator[RemoteStage]:
    """Open the stage."""
    example = RemoteFaces(secrets or [SECRET], "http://127.0.0.1")
    example.callback_after_seconds = (0.05, 0.1, 0.1)
    door = Door(example)
    async with serving(door) as url, loopback_client() as client:
        example.url = url
        yield RemoteStage(example, door, url, client)
