"""The stage of the sandbox: it has no vendor, the request itself says what is played."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import orjson

from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.clock import Clock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart


class SandboxStage(Stage):
    """Plays every reason there is."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        return frozenset(FaceReason)

    def provider(self, clock: Clock) -> FaceProvider:
        return SandboxFaceProvider(clock=clock, client=self._client)

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        return replace(request, device_meta={"sandbox_scenario": reason.value})

    async def fail(self, fault: Fault | None) -> None:
        """There is no vendor that could."""

    def faults(self) -> frozenset[Fault]:
        return frozenset()

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        body = orjson.dumps({"check_id": str(request.check_id), "event_id": str(uuid4())})
        return Callback(FaceCallback({}, {}, body), forged=None)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Open the stage."""
    async with httpx.AsyncClient(timeout=1) as client:
        yield SandboxStage(client)
