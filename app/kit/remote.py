"""The stage of a system that speaks the remote contract and runs already: its address and secrets are the settings'.

What it is to say of a check stands in the request's `device_meta`, as `{"outcome": "face_mismatch"}`: a system under
test has to heed that, as the one in examples/remote_faces does. It cannot be told to fail.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx
import orjson
import pytest

from app.adapters.face.remote import RemoteFaceProvider
from app.adapters.webhooks import Webhooks, read_secret
from app.core.clock import Clock, SystemClock
from app.core.settings import Settings
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart

_STRANGERS = b"a secret that nobody shares with us"


class RemoteStage(Stage):
    """Plays every reason of the contract."""

    def __init__(self, client: httpx.AsyncClient, options: dict[str, str]) -> None:
        self._client = client
        self._options = options

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        return frozenset(FaceReason)

    def provider(self, clock: Clock) -> FaceProvider:
        return RemoteFaceProvider(clock, self._client, self._options)

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        return replace(request, device_meta={"outcome": reason.value})

    async def fail(self, fault: Fault | None) -> None:
        """It runs elsewhere, and goes on."""

    def faults(self) -> frozenset[Fault]:
        return frozenset()

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        secret = read_secret(self._options["secrets"].split()[0])
        return Callback(_signed(request, secret), forged=_signed(request, _STRANGERS))


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Open the stage; without an address and a secret nothing is checked."""
    given = Settings().face_options.get("remote", {})
    options = {name: value.get_secret_value() for name, value in given.items()}
    if not {"endpoint", "secrets"} <= options.keys():
        pytest.exit("set ESCARD_FACE_OPTIONS__REMOTE__ENDPOINT and …__SECRETS: the system that is to be checked", 1)
    async with httpx.AsyncClient(timeout=10) as client:
        yield RemoteStage(client, options)


def _signed(request: FaceRequest, secret: bytes) -> FaceCallback:
    ended = {"type": "face_check.ended", "timestamp": "2026-11-22T08:00:00Z"}
    body = orjson.dumps(ended | {"data": {"check_id": str(request.check_id)}})
    return FaceCallback({}, Webhooks([secret], SystemClock()).sign(f"evt_{uuid4().hex}", body), body)
