"""The stage of Tencent's provider for the conformance kit, in both flows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx

from app.adapters.face.tencent import TencentFaceProvider
from app.core.clock import Clock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart
from tests.adapters.face.tencent.vendor import Vendor, joined, opened, says

H5: Final[Mapping[FaceReason, int]] = {
    FaceReason.OK: 0,
    FaceReason.IDENTITY_MISMATCH: 2006,
    FaceReason.PERSON_NOT_FOUND: 2005,
    FaceReason.SOURCE_PHOTO_MISSING: 2007,
    FaceReason.FACE_MISMATCH: 2016,
    FaceReason.LIVENESS_FAILED: 1002,
    FaceReason.CAPTURE_QUALITY: 1004,
    FaceReason.FACE_NOT_WHOLE: 2010,
    FaceReason.DEVICE_UNSUPPORTED: 1108,
    FaceReason.NETWORK: 1008,
    FaceReason.TOKEN_EXPIRED: 15,
    FaceReason.PROVIDER_RETRY_LIMIT: 16,
    FaceReason.PROVIDER_BUSY: 1001,
    FaceReason.PROVIDER_MISCONFIGURED: 204,
    FaceReason.DOCUMENT_EXPIRED: 302,
    FaceReason.NOT_FINISHED: 17,
}
SDK: Final[Mapping[FaceReason, int]] = {
    FaceReason.OK: 0,
    FaceReason.IDENTITY_MISMATCH: 2006,
    FaceReason.PERSON_NOT_FOUND: 2005,
    FaceReason.SOURCE_PHOTO_MISSING: 2007,
    FaceReason.FACE_MISMATCH: 2016,
    FaceReason.LIVENESS_FAILED: 2011,
    FaceReason.ATTACK_SUSPECTED: 1007,
    FaceReason.CAPTURE_QUALITY: 1202,
    FaceReason.FACE_NOT_WHOLE: 2013,
    FaceReason.DEVICE_UNSUPPORTED: 2014,
    FaceReason.TOKEN_EXPIRED: 19,
    FaceReason.PROVIDER_BUSY: 2017,
    FaceReason.PROVIDER_MISCONFIGURED: 3,
    FaceReason.NOT_FINISHED: 17,
}
PHOTO: Final[Mapping[FaceReason, str]] = {
    FaceReason.OK: "Success",
    FaceReason.IDENTITY_MISMATCH: "FailedOperation.IdNameMisMatch",
    FaceReason.PERSON_NOT_FOUND: "FailedOperation.IdNoExistSystem",
    FaceReason.SOURCE_PHOTO_MISSING: "FailedOperation.IdPhotoNoExist",
    FaceReason.FACE_MISMATCH: "FailedOperation.CompareLowSimilarity",
    FaceReason.ATTACK_SUSPECTED: "FailedOperation.LifePhotoDetectFake",
    FaceReason.CAPTURE_QUALITY: "FailedOperation.LifePhotoPoorQuality",
    FaceReason.FACE_NOT_WHOLE: "FailedOperation.LifePhotoDetectNoFaces",
}


@dataclass
class TencentStage(Stage):
    """Plays every reason that the vendor's codes can mean."""

    vendor: Vendor
    client: httpx.AsyncClient
    flow: str

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        live = H5 if self.flow == "h5" else SDK
        return frozenset(PHOTO if mode is FaceMode.PHOTO else live)

    def provider(self, clock: Clock) -> FaceProvider:
        return TencentFaceProvider(clock=clock, client=self.client, options=self.vendor.options | {"flow": self.flow})

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        if request.mode is FaceMode.PHOTO:
            self.vendor.photo = {"Result": PHOTO[reason]}
        elif self.flow == "h5":
            self.vendor.text = {"ErrCode": H5[reason]}
        else:
            self.vendor.sdk = {"Result": str(SDK[reason])}
        return request

    async def fail(self, fault: Fault | None) -> None:
        self.vendor.silent = fault is Fault.SILENT
        self.vendor.raw = {
            Fault.BROKEN: says("{}", "500 Internal Server Error"),
            Fault.GARBLED: says("<html>somebody else's page</html>"),
        }.get(fault or Fault.GONE)
        await (self.vendor.close() if fault is Fault.GONE else self.vendor.open())

    def faults(self) -> frozenset[Fault]:
        return frozenset(Fault)

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        if request.mode is FaceMode.PHOTO or self.flow == "sdk":
            return None
        back = urlsplit(self.vendor.asked("DetectAuth")["RedirectUrl"])
        query = dict(parse_qsl(back.query)) | {"BizToken": start.client["token"]}
        return Callback(FaceCallback(query, {}, b""), forged=None)


@asynccontextmanager
async def _stage(flow: str) -> AsyncIterator[Stage]:
    async with opened() as vendor, joined(timeout=1) as client:
        yield TencentStage(vendor, client, flow)


@asynccontextmanager
async def h5() -> AsyncIterator[Stage]:
    """Open the stage of the pages."""
    async with _stage("h5") as stage:
        yield stage


@asynccontextmanager
async def sdk() -> AsyncIterator[Stage]:
    """Open the stage of the SDK."""
    async with _stage("sdk") as stage:
        yield stage
