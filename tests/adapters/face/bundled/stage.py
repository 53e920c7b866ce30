"""The stage of the bundled provider: its vendor is a person before a camera, who does what the reason asks for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
from PIL import Image

from app.adapters.face.bundled.challenges import Challenge
from app.adapters.face.bundled.provider import BundledFaceProvider
from app.core.clock import Clock
from app.kit.stage import Callback, Fault, Stage
from app.ports.face import (
    FaceCallback,
    FaceEvent,
    FaceEvidence,
    FaceFrame,
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceStart,
)
from tests.adapters.face.bundled.acting import Actor, jpeg
from tests.adapters.face.bundled.pictures import picture

LIVE = frozenset(
    {
        FaceReason.OK,
        FaceReason.LIVENESS_FAILED,
        FaceReason.FACE_MISMATCH,
        FaceReason.ATTACK_SUSPECTED,
        FaceReason.FACE_NOT_WHOLE,
        FaceReason.SOURCE_PHOTO_MISSING,
        FaceReason.TIMED_OUT,
        FaceReason.NOT_FINISHED,
    }
)
PHOTO = frozenset(
    {
        FaceReason.OK,
        FaceReason.FACE_MISMATCH,
        FaceReason.FACE_NOT_WHOLE,
        FaceReason.CAPTURE_QUALITY,
        FaceReason.SOURCE_PHOTO_MISSING,
        FaceReason.NOT_FINISHED,
    }
)


def frames_of(contents: list[bytes], at: datetime) -> tuple[FaceFrame, ...]:
    """Frames as they come to a judge."""
    return tuple(FaceFrame(number, content, at) for number, content in enumerate(contents, start=1))


class Cast:
    """Who acts: one man, and another of whom there is a photo."""

    def __init__(self, actor: Actor, other: Actor) -> None:
        self.actor = actor
        self.other = other

    def evidence(self, challenge: Challenge, reason: FaceReason) -> FaceEvidence:
        """What there is to judge a check by that ends for this reason."""
        if challenge.mode is FaceMode.PHOTO:
            return self._photo(reason)
        contents = self.actor.film(challenge)
        if reason is FaceReason.LIVENESS_FAILED:
            contents = self.actor.still(challenge.frames)
        elif reason is FaceReason.ATTACK_SUSPECTED:
            contents[-1] = jpeg(self.other.photo)
        elif reason is FaceReason.FACE_NOT_WHOLE:
            contents = [jpeg(picture("camera"))] * len(contents)
        elif reason is FaceReason.NOT_FINISHED:
            contents = contents[:-1]
        late = timedelta(seconds=challenge.seconds + 1 if reason is FaceReason.TIMED_OUT else 1)
        return FaceEvidence(self._portrait(reason), None, frames_of(contents, challenge.started_at + late))

    def _photo(self, reason: FaceReason) -> FaceEvidence:
        photos: Mapping[FaceReason, bytes | None] = {
            FaceReason.FACE_NOT_WHOLE: jpeg(picture("obama_partial_face")),
            FaceReason.CAPTURE_QUALITY: jpeg(_beside(self.actor, self.other)),
            FaceReason.NOT_FINISHED: None,
        }
        return FaceEvidence(self._portrait(reason), photos.get(reason, jpeg(self.actor.photo)), ())

    def _portrait(self, reason: FaceReason) -> bytes | None:
        if reason is FaceReason.SOURCE_PHOTO_MISSING:
            return None
        return jpeg(picture("biden" if reason is FaceReason.FACE_MISMATCH else "obama3"))


def _beside(one: Actor, other: Actor) -> Image.Image:
    both = Image.new("RGB", (one.photo.width * 2, one.photo.height))
    both.paste(one.photo, (0, 0))
    both.paste(other.photo, (one.photo.width, 0))
    return both


class Judged(FaceProvider):
    """The provider as the house asks it: with the evidence of its check, kept by the reference."""

    name = BundledFaceProvider.name
    modes = BundledFaceProvider.modes

    def __init__(self, provider: BundledFaceProvider, cast: Cast, played: Mapping[str, FaceReason]) -> None:
        self._provider = provider
        self._cast = cast
        self._played = played

    async def start(self, request: FaceRequest) -> FaceStart:
        return await self._provider.start(request)

    async def result(self, provider_ref: str) -> FaceResult:
        challenge = Challenge.of(provider_ref)
        evidence = self._cast.evidence(challenge, self._played[str(challenge.check_id)])
        return await self._provider.judge(provider_ref, evidence)

    async def cancel(self, provider_ref: str) -> None:
        await self._provider.cancel(provider_ref)

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        return self._provider.event_of(callback)

    async def close(self) -> None:
        await self._provider.close()


class BundledStage(Stage):
    """Plays what can be played with pictures."""

    def __init__(self, client: httpx.AsyncClient, cast: Cast) -> None:
        self._client = client
        self._cast = cast
        self._played: dict[str, FaceReason] = {}

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        return LIVE if mode is FaceMode.LIVE else PHOTO

    def provider(self, clock: Clock) -> FaceProvider:
        made = BundledFaceProvider(clock=clock, client=self._client, options={"niceness": "0"})
        return Judged(made, self._cast, self._played)

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        self._played[str(request.check_id)] = reason
        if reason is FaceReason.SOURCE_PHOTO_MISSING:
            return replace(request, reference=None)
        return request

    async def fail(self, fault: Fault | None) -> None:
        """There is no vendor that could."""

    def faults(self) -> frozenset[Fault]:
        return frozenset()

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        return None
