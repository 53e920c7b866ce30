"""The bundled face provider: no vendor, frames that the client sends, worker processes that look at them."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field

from app.adapters.face.bundled import judging, seeing
from app.adapters.face.bundled.challenges import FRAMES_A_STEP, Challenge, draw
from app.adapters.face.bundled.judging import Verdict
from app.adapters.face.bundled.measures import Sight
from app.adapters.face.options import read_options
from app.adapters.workers import WorkerPool, WorkersBusy, WorkKills, WorkTooLong
from app.core.clock import Clock
from app.core.logging import logger
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceEvidence,
    FaceMode,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    FrameChallenge,
    FrameFaceProvider,
)

_NAME: Final = "bundled"
# Measured: with the models a worker has 290 MiB of addresses, and while it looks 180 MiB of memory.
_MEMORY_BYTES: Final = 1024**3
_CHECKS_A_WORKER: Final = 200
_COME_AGAIN_SECONDS: Final = 10
_MORE_TIME: Final = 3
_DECISIONS: Final[Mapping[FaceReason, FaceDecision]] = {
    FaceReason.OK: FaceDecision.PASSED,
    FaceReason.NOT_FINISHED: FaceDecision.PENDING,
    FaceReason.TIMED_OUT: FaceDecision.EXPIRED,
}
"""What each reason decides; the others fail."""


class _Options(BaseModel):
    """How many processes look, how many checks they have in hand at most, and how strict they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=16)] = 1
    waiting: Annotated[int, Field(ge=1, le=64)] = 4
    patience_seconds: Annotated[int, Field(ge=1, le=300)] = 60
    niceness: Annotated[int, Field(ge=0, le=19)] = 19
    most_apart: Annotated[float, Field(gt=0, le=0.6)] = 0.5
    seconds: Annotated[int, Field(ge=10, le=600)] = 90


class BundledFaceProvider(FrameFaceProvider):
    """Judges faces on this server. For development and trials: what it is worth is in README.md beside it."""

    name = _NAME
    modes = frozenset(FaceMode)

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._options = read_options(_Options, _NAME, options or {})
        if not seeing.is_there():
            raise LookupError(
                "the face provider bundled is not installed: it comes with the extra faces (escard[faces])"
            )
        self._pool = WorkerPool(
            seeing.see,
            workers=self._options.workers,
            waiting=self._options.waiting,
            patience_seconds=self._options.patience_seconds,
            niceness=self._options.niceness,
            memory_bytes=_MEMORY_BYTES,
            tasks_per_worker=_CHECKS_A_WORKER,
        )

    async def start(self, request: FaceRequest) -> FaceStart:
        """Draw a challenge. Without a portrait there is nothing to compare with, so nobody is asked to do anything."""
        meta = request.device_meta
        is_accessible = meta.get("accessible") == "true"
        is_filmed = request.mode is FaceMode.LIVE and request.reference is not None
        challenge = Challenge(
            check_id=request.check_id,
            mode=request.mode,
            steps=draw("mouth" if is_accessible else "head") if is_filmed else (),
            nonce=secrets.token_urlsafe(16),
            is_mirrored=meta.get("mirrored") == "true",
            started_at=self._clock.now(),
            seconds=self._options.seconds * (_MORE_TIME if is_accessible else 1),
        )
        return FaceStart(challenge.reference(), _told(challenge))

    async def result(self, provider_ref: str) -> FaceResult:
        return self._pending(Challenge.of(provider_ref))

    async def cancel(self, provider_ref: str) -> None:
        """Nothing of a check is kept here."""

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        """Nobody calls back."""
        return None

    def challenge(self, provider_ref: str) -> FrameChallenge:
        asked = Challenge.of(provider_ref)
        return FrameChallenge(asked.frames, asked.nonce)

    async def judge(self, provider_ref: str, evidence: FaceEvidence) -> FaceResult:
        challenge = Challenge.of(provider_ref)
        pictures = _pictures(challenge, evidence)
        if pictures is None:
            return self._pending(challenge)
        if evidence.reference is None or (challenge.mode is FaceMode.LIVE and not challenge.steps):
            return self._without_looking(challenge, FaceReason.SOURCE_PHOTO_MISSING, "no_portrait")
        if any(frame.received_at > challenge.ends_at for frame in evidence.frames):
            return self._without_looking(challenge, FaceReason.TIMED_OUT, "too_late")
        reference, *sights = await self._see((evidence.reference, *pictures))
        if challenge.mode is FaceMode.PHOTO:
            verdict = judging.by_photo(sights[0], reference, self._options.most_apart)
        else:
            frames = {frame.number: sight for frame, sight in zip(evidence.frames, sights, strict=True)}
            verdict = judging.by_frames(challenge, frames, reference, self._options.most_apart)
        return _result(challenge, verdict, self._clock.now())

    async def close(self) -> None:
        await self._pool.close()

    async def _see(self, pictures: tuple[bytes, ...]) -> tuple[Sight, ...]:
        try:
            return await self._pool.run(pictures)
        except (WorkersBusy, WorkTooLong, WorkKills) as error:
            logger(__name__).warning("faces_not_judged", fault=type(error).__name__)
            raise FaceServiceUnavailable(FaceReason.PROVIDER_BUSY, retry_after_seconds=_COME_AGAIN_SECONDS) from error

    def _pending(self, challenge: Challenge) -> FaceResult:
        return self._without_looking(challenge, FaceReason.NOT_FINISHED, "frames_missing")

    def _without_looking(self, challenge: Challenge, reason: FaceReason, code: str) -> FaceResult:
        return _result(challenge, judging.unfit(reason, code), self._clock.now())


def _told(challenge: Challenge) -> dict[str, str]:
    """Return what the client shows or speaks, and what it sends."""
    told = {"kind": _NAME, "frames": str(challenge.frames)}
    if not challenge.steps:
        return told
    return told | {
        "steps": ",".join(challenge.steps),
        "frames_a_step": str(FRAMES_A_STEP),
        "nonce": challenge.nonce,
        "seconds": str(challenge.seconds),
    }


def _pictures(challenge: Challenge, evidence: FaceEvidence) -> tuple[bytes, ...] | None:
    """Return the pictures to look at beside the portrait; None when they are not all there."""
    if challenge.mode is FaceMode.PHOTO:
        return None if evidence.photo is None else (evidence.photo,)
    if [frame.number for frame in evidence.frames] != list(range(1, challenge.frames + 1)):
        return None
    return tuple(frame.content for frame in evidence.frames)


def _result(challenge: Challenge, verdict: Verdict, at: datetime) -> FaceResult:
    return FaceResult(
        decision=_DECISIONS.get(verdict.reason, FaceDecision.FAILED),
        reason=verdict.reason,
        liveness=verdict.liveness,
        match=verdict.match,
        provider_ref=challenge.reference(),
        provider_code=verdict.code,
        charged=False,
        occurred_at=at,
    )
