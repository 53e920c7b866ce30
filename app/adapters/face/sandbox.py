"""A face provider that looks at no face: the scenario asked for decides. Development only.

The scenario is `device_meta["sandbox_scenario"]`, else the facial photo's JPEG comment `sandbox:S`, else a missing
reference portrait, else a pass. S is any reason of the closed list, or

    late_callback       not finished for some seconds, then passed and called back
    duplicate_callback  passed, and called back twice with one event
    no_callback         passed, and nobody is told
    provider_down       no start at all

Nothing is kept here: the reference carries it all, so every process gives the same answer, after a restart too.
"""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

import httpx
import orjson

from app.core.clock import Clock
from app.core.logging import logger
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    Liveness,
    Match,
    MatchSource,
    ScoreBand,
)

_LOOK_SECONDS = 0.2  # how often a late callback looks whether the clock has been moved forward


class _Event(StrEnum):
    """The scenarios that are about when and how an answer comes, not about which."""

    LATE_CALLBACK = "late_callback"
    DUPLICATE_CALLBACK = "duplicate_callback"
    NO_CALLBACK = "no_callback"
    PROVIDER_DOWN = "provider_down"


Scenario = FaceReason | _Event
SCENARIOS: Final = frozenset(scenario.value for scenario in (*FaceReason, *_Event))
"""All that can be asked for."""

_DECISIONS: Final[Mapping[FaceReason, FaceDecision]] = {
    FaceReason.OK: FaceDecision.PASSED,
    FaceReason.NOT_FINISHED: FaceDecision.PENDING,
    FaceReason.PROVIDER_BUSY: FaceDecision.PENDING,
    FaceReason.USER_CANCELLED: FaceDecision.CANCELLED,
    FaceReason.TIMED_OUT: FaceDecision.EXPIRED,
    FaceReason.TOKEN_EXPIRED: FaceDecision.EXPIRED,
    FaceReason.NETWORK: FaceDecision.ERROR,
    FaceReason.PROVIDER_DAILY_LIMIT: FaceDecision.ERROR,
    FaceReason.PROVIDER_MISCONFIGURED: FaceDecision.ERROR,
    FaceReason.PROVIDER_ARREARS: FaceDecision.ERROR,
}
"""What each reason decides; the others fail."""

_NOT_LIVE: Final = frozenset({FaceReason.LIVENESS_FAILED, FaceReason.ATTACK_SUSPECTED})
_AFTER_LIVENESS: Final = frozenset(
    {
        FaceReason.OK,
        FaceReason.FACE_MISMATCH,
        FaceReason.IDENTITY_MISMATCH,
        FaceReason.PERSON_NOT_FOUND,
        FaceReason.SOURCE_PHOTO_MISSING,
    }
)
_MATCHED: Final = frozenset({FaceReason.OK, FaceReason.FACE_MISMATCH})


@dataclass(frozen=True, slots=True)
class _Check:
    """What a reference says of its check."""

    check_id: UUID
    mode: FaceMode
    scenario: Scenario
    started_at: datetime

    def reference(self) -> str:
        """Write it as a provider's reference."""
        return base64.urlsafe_b64encode(
            orjson.dumps([str(self.check_id), self.mode, self.scenario, self.started_at])
        ).decode()

    @classmethod
    def of(cls, reference: str) -> "_Check":
        """Read a reference.

        Raises:
            FaceServiceUnavailable: we have not written it.
        """
        try:
            check_id, mode, scenario, started_at = orjson.loads(base64.urlsafe_b64decode(reference))
            return cls(UUID(check_id), FaceMode(mode), _scenario(scenario), datetime.fromisoformat(started_at))
        except (ValueError, TypeError, AttributeError) as error:
            raise FaceServiceUnavailable from error


class SandboxFaceProvider(FaceProvider):
    """Plays every outcome a real provider can have. A late answer comes `delay_seconds` (an option) after the start."""

    name = "sandbox"
    modes = frozenset(FaceMode)

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._client = client
        self._delay = timedelta(seconds=float((options or {}).get("delay_seconds", "3")))
        self._calls: dict[UUID, asyncio.Task[None]] = {}

    async def start(self, request: FaceRequest) -> FaceStart:
        scenario = _asked_for(request)
        if scenario is _Event.PROVIDER_DOWN:
            raise FaceServiceUnavailable
        check = _Check(request.check_id, request.mode, scenario, self._clock.now())
        if scenario is _Event.LATE_CALLBACK:
            self._call(check, request.callback_url, times=1)
        elif scenario is _Event.DUPLICATE_CALLBACK:
            self._call(check, request.callback_url, times=2)
        return FaceStart(check.reference(), {"kind": "sandbox", "token": secrets.token_urlsafe(16)})

    async def result(self, provider_ref: str) -> FaceResult:
        check = _Check.of(provider_ref)
        now = self._clock.now()
        if check.scenario is _Event.LATE_CALLBACK:
            done_at = check.started_at + self._delay
            return _result(check, FaceReason.NOT_FINISHED, now) if now < done_at else _result(check, None, done_at)
        return _result(check, None, check.started_at)

    async def cancel(self, provider_ref: str) -> None:
        call = self._calls.get(_Check.of(provider_ref).check_id)
        if call is not None:
            call.cancel()

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        try:
            said = orjson.loads(callback.body)
            return FaceEvent(UUID(said["check_id"]), str(said["event_id"])[:128])
        except (ValueError, TypeError, LookupError, AttributeError):
            return None

    async def close(self) -> None:
        """Give up the callbacks that are still to come."""
        calls = list(self._calls.values())
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def _call(self, check: _Check, url: str, *, times: int) -> None:
        if check.check_id in self._calls:  # the same start once more
            return
        call = asyncio.create_task(self._call_back(check, url, times))
        self._calls[check.check_id] = call
        call.add_done_callback(lambda _: self._calls.pop(check.check_id, None))

    async def _call_back(self, check: _Check, url: str, times: int) -> None:
        if check.scenario is _Event.LATE_CALLBACK:
            while (left := check.started_at + self._delay - self._clock.now()) > timedelta():  # noqa: ASYNC110 - a clock tells nobody that it was moved
                await asyncio.sleep(min(left.total_seconds(), _LOOK_SECONDS))
        event_id = uuid5(check.check_id, "finished")
        for _ in range(times):
            try:
                answer = await self._client.post(url, json={"check_id": str(check.check_id), "event_id": str(event_id)})
                answer.raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                logger(__name__).warning(
                    "sandbox_callback_failed", check_id=str(check.check_id), error=type(error).__name__
                )


def _asked_for(request: FaceRequest) -> Scenario:
    asked = request.device_meta.get("sandbox_scenario") or _comment_scenario(request.photo or b"")
    if asked:
        return _scenario(asked)
    return FaceReason.OK if request.reference is not None else FaceReason.SOURCE_PHOTO_MISSING


def _scenario(word: str) -> Scenario:
    for words in (_Event, FaceReason):
        if word in list(words):
            return words(word)
    return FaceReason.PROVIDER_MISCONFIGURED


def _comment_scenario(photo: bytes) -> str | None:
    """Return S of a comment `sandbox:S` among a JPEG's segments (ITU-T T.81 table B.1: FFFE comment, FFDA scan)."""
    at = 2
    while photo[at : at + 1] == b"\xff" and photo[at + 1 : at + 2] not in (b"\xda", b""):
        length = int.from_bytes(photo[at + 2 : at + 4])
        comment = photo[at + 4 : at + 2 + length]
        if photo[at + 1] == 0xFE and comment.startswith(b"sandbox:"):
            return comment.removeprefix(b"sandbox:").rstrip(b"\x00").decode("latin-1").strip()
        at += 2 + max(length, 2)
    return None


def _result(check: _Check, reason: FaceReason | None, at: datetime) -> FaceResult:
    told = reason or (check.scenario if isinstance(check.scenario, FaceReason) else FaceReason.OK)
    decision = _DECISIONS.get(told, FaceDecision.FAILED)
    liveness, match = _liveness(check.mode, told), _match(told)
    return FaceResult(
        decision=decision,
        reason=told,
        liveness=liveness,
        match=match,
        provider_ref=check.reference(),
        provider_code=told.value,
        charged=liveness.done or match.done,
        occurred_at=at,
    )


def _liveness(mode: FaceMode, reason: FaceReason) -> Liveness:
    kind = "blink_and_shake" if mode is FaceMode.LIVE else "still"
    if reason in _NOT_LIVE:
        return Liveness(done=True, passed=False, kind=kind, score_band=ScoreBand.LOW)
    if mode is FaceMode.LIVE and reason in _AFTER_LIVENESS:
        return Liveness(done=True, passed=True, kind=kind, score_band=ScoreBand.HIGH)
    return Liveness(done=False)


def _match(reason: FaceReason) -> Match:
    if reason not in _MATCHED:
        return Match(done=False)
    passed = reason is FaceReason.OK
    band = ScoreBand.HIGH if passed else ScoreBand.LOW
    return Match(done=True, passed=passed, source=MatchSource.REGISTER, score_band=band)
