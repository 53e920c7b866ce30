"""A stage for the example: the imaginary vendor, played in memory, for `escard face-provider check acme`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
from acme_faces import AcmeFaces
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.core.clock import Clock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart

_OUTCOMES: Final = {
    FaceReason.OK: "passed",
    FaceReason.NOT_FINISHED: "open",
    FaceReason.FACE_MISMATCH: "other_person",
    FaceReason.LIVENESS_FAILED: "not_alive",
    FaceReason.CAPTURE_QUALITY: "blurred",
    FaceReason.USER_CANCELLED: "left",
    FaceReason.TIMED_OUT: "late",
}
_OPTIONS: Final = {"url": "http://acme.test", "key": "secret"}


class Vendor:
    """The vendor: what it says of an order, passed if nobody told it; or how it fails."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.known: set[str] = set()
        self.fault: Fault | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/checks", self._begin, methods=["POST"]),
                Route("/checks/{order}", self._tell, methods=["GET", "DELETE"]),
            ]
        )

    async def _begin(self, request: Request) -> Response:
        order = str((await request.json())["order"])
        self.known.add(order)
        return self._said({"id": order, "page": f"https://acme.test/pages/{order}"})

    async def _tell(self, request: Request) -> Response:
        order = request.path_params["order"]
        if order not in self.known:
            return Response(status_code=404)
        return self._said({"outcome": self.outcomes.get(order, "passed")})

    def _said(self, body: object) -> Response:
        if self.fault is Fault.BROKEN:
            return Response(status_code=500)
        return Response(b"<html>\xff") if self.fault is Fault.GARBLED else JSONResponse(body)


class AcmeStage(Stage):
    """Plays what the vendor can say."""

    def __init__(self, vendor: Vendor, client: httpx.AsyncClient) -> None:
        self._vendor = vendor
        self._client = client

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        return frozenset(_OUTCOMES)

    def provider(self, clock: Clock) -> FaceProvider:
        return AcmeFaces(clock=clock, client=self._client, options=_OPTIONS)

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        self._vendor.outcomes[str(request.check_id)] = _OUTCOMES[reason]
        return request

    async def fail(self, fault: Fault | None) -> None:
        self._vendor.fault = fault

    def faults(self) -> frozenset[Fault]:
        return frozenset({Fault.BROKEN, Fault.GARBLED})

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        return Callback(FaceCallback({"order": str(request.check_id)}, {}, b"done"), forged=None)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Open the stage."""
    vendor = Vendor()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(vendor.app()), timeout=1) as client:
        yield AcmeStage(vendor, client)
