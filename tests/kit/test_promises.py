"""The conformance kit passes for what keeps every promise, and fails for what breaks one."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import httpx
import pytest

from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.clock import Clock
from app.core.logging import logger
from app.kit.promises import PROMISES
from app.kit.sandbox import SandboxStage
from app.kit.stage import Callback, Fault
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceEvidence,
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    FrameFaceProvider,
    Liveness,
    Match,
)


class Sandbox(SandboxFaceProvider):
    """The sandbox, to be broken in one way or another."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str] | None = None) -> None:
        super().__init__(clock, client, options)
        self.asked = 0


class Nameless(Sandbox):
    name = ""


class Modeless(Sandbox):
    modes = frozenset[FaceMode]()


class NumbersForTheClient(Sandbox):
    async def start(self, request: FaceRequest) -> FaceStart:
        return replace(await super().start(request), client={"seconds": 3})  # type: ignore[dict-item] # that is the fault


class PassesEverybody(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        return replace(await super().result(provider_ref), decision=FaceDecision.PASSED)


class TellsAnotherReason(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        said = await super().result(provider_ref)
        return replace(said, reason=FaceReason.LIVENESS_FAILED) if said.reason is FaceReason.NETWORK else said


class BlamesThePerson(Sandbox):
    """A vendor out of money is told as a failure of the person."""

    async def result(self, provider_ref: str) -> FaceResult:
        said = await super().result(provider_ref)
        return replace(said, decision=FaceDecision.FAILED) if said.reason is FaceReason.PROVIDER_ARREARS else said


class PassesTheDead(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        return replace(await super().result(provider_ref), liveness=Liveness(done=False))


class PassesWithoutMatch(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        return replace(await super().result(provider_ref), match=Match(done=False))


class TimesWithoutZone(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        return replace(await super().result(provider_ref), occurred_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the fault


class ChangesItsMind(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        self.asked += 1
        said = await super().result(provider_ref)
        return replace(said, provider_code=str(self.asked))


class Remembers(Sandbox):
    """Keeps its checks in memory, so that another process knows nothing of them."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str] | None = None) -> None:
        super().__init__(clock, client, options)
        self.known: dict[str, str] = {}

    async def start(self, request: FaceRequest) -> FaceStart:
        start = await super().start(request)
        self.known[request.check_id.hex] = start.provider_ref
        return replace(start, provider_ref=request.check_id.hex)

    async def result(self, provider_ref: str) -> FaceResult:
        if provider_ref not in self.known:
            raise FaceServiceUnavailable
        return await super().result(self.known[provider_ref])

    async def cancel(self, provider_ref: str) -> None:
        await super().cancel(self.known[provider_ref])


class StartsOnce(Sandbox):
    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str] | None = None) -> None:
        super().__init__(clock, client, options)
        self.orders: set[UUID] = set()

    async def start(self, request: FaceRequest) -> FaceStart:
        if request.check_id in self.orders:
            raise FaceServiceUnavailable
        self.orders.add(request.check_id)
        return await super().start(request)


class GivesUpOnce(Sandbox):
    async def cancel(self, provider_ref: str) -> None:
        self.asked += 1
        if self.asked > 1:
            raise FaceServiceUnavailable


class ThrowsForeignErrors(Sandbox):
    async def result(self, provider_ref: str) -> FaceResult:
        if len(provider_ref) < 50:
            raise httpx.ReadTimeout("no answer")
        return await super().result(provider_ref)


class FailsStrangers(Sandbox):
    """Takes what it does not know for a face that differs."""

    async def result(self, provider_ref: str) -> FaceResult:
        try:
            return await super().result(provider_ref)
        except FaceServiceUnavailable:
            known = await super().start(_request())
            said = await super().result(known.provider_ref)
            return replace(said, decision=FaceDecision.FAILED, reason=FaceReason.FACE_MISMATCH)


class NamesAnotherCheck(Sandbox):
    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        event = super().event_of(callback)
        return event and replace(event, check_id=uuid4())


class NamesEventsAtRandom(Sandbox):
    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        event = super().event_of(callback)
        return event and replace(event, event_id=uuid4().hex)


class BelievesAnybody(Sandbox):
    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        return super().event_of(callback) or FaceEvent(uuid4(), "x")


class StumblesOverRubbish(Sandbox):
    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        return super().event_of(callback) if callback.body.decode() else None


class KeepsTheNumber(Sandbox):
    async def start(self, request: FaceRequest) -> FaceStart:
        return replace(await super().start(request), client={"number": request.number})


class LogsTheName(Sandbox):
    async def start(self, request: FaceRequest) -> FaceStart:
        logger(__name__).info("starting", name=request.name)
        return await super().start(request)


class LogsTheNumberElsewhere(Sandbox):
    async def start(self, request: FaceRequest) -> FaceStart:
        logging.getLogger("vendor").warning("number %s", request.number)
        return await super().start(request)


class ClosesOnce(Sandbox):
    async def close(self) -> None:
        self.asked += 1
        assert self.asked == 1


class JudgesNothing(Sandbox, FrameFaceProvider):
    """Passes who has shown nothing."""

    async def judge(self, provider_ref: str, evidence: FaceEvidence) -> FaceResult:
        return await self.result(provider_ref)


def _request() -> FaceRequest:
    return FaceRequest(uuid4(), FaceMode.LIVE, "", "", b"", None, {}, "http://127.0.0.1:9/")


class Stage(SandboxStage):
    """The sandbox's stage with a provider that is broken; `signed` has its vendor sign what it calls back."""

    def __init__(self, kind: Callable[..., FaceProvider], client: httpx.AsyncClient, *, signed: bool = False) -> None:
        super().__init__(client)
        self._kind = kind
        self._given = client
        self._signed = signed

    def provider(self, clock: Clock) -> FaceProvider:
        return self._kind(clock=clock, client=self._given)

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        callback = super().callback(request, start)
        assert callback is not None
        return replace(callback, forged=replace(callback.genuine, headers={})) if self._signed else callback


class Deaf(Stage):
    """A stage whose vendor can fail; the sandbox does not notice."""

    def faults(self) -> frozenset[Fault]:
        return frozenset({Fault.BROKEN})


@pytest.mark.parametrize("promise", PROMISES)
async def test_the_sandbox_keeps(promise: str) -> None:
    async with httpx.AsyncClient(timeout=1) as client:
        await PROMISES[promise](SandboxStage(client))


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Nameless, "it_says_what_it_can_do"),
        (Modeless, "it_says_what_it_can_do"),
        (NumbersForTheClient, "a_start_gives_texts_for_the_client"),
        (PassesEverybody, "each_reason_is_told_and_decides_as_it_should"),
        (TellsAnotherReason, "each_reason_is_told_and_decides_as_it_should"),
        (BlamesThePerson, "each_reason_is_told_and_decides_as_it_should"),
        (PassesTheDead, "each_reason_is_told_and_decides_as_it_should"),
        (PassesWithoutMatch, "each_reason_is_told_and_decides_as_it_should"),
        (TimesWithoutZone, "each_reason_is_told_and_decides_as_it_should"),
        (ChangesItsMind, "asked_again_it_says_the_same"),
        (Remembers, "another_process_says_the_same"),
        (StartsOnce, "a_start_may_be_repeated"),
        (GivesUpOnce, "giving_up_is_harmless"),
        (ThrowsForeignErrors, "a_strange_reference_is_unavailable"),
        (FailsStrangers, "a_strange_reference_is_unavailable"),
        (NamesAnotherCheck, "a_callback_names_its_check"),
        (NamesEventsAtRandom, "a_callback_names_its_check"),
        (BelievesAnybody, "a_callback_of_anything_is_harmless"),
        (StumblesOverRubbish, "a_callback_of_anything_is_harmless"),
        (KeepsTheNumber, "nothing_personal_is_told"),
        (LogsTheName, "nothing_personal_is_told"),
        (LogsTheNumberElsewhere, "nothing_personal_is_told"),
        (ClosesOnce, "it_closes_twice"),
        (JudgesNothing, "frames_are_judged_when_they_are_there"),
    ],
)
async def test_a_broken_one_breaks(kind: type[Sandbox], promise: str) -> None:
    async with httpx.AsyncClient(timeout=1) as client:
        with pytest.raises((AssertionError, FaceServiceUnavailable, httpx.HTTPError, UnicodeDecodeError)):
            await PROMISES[promise](Stage(kind, client))


async def test_one_that_believes_what_is_not_signed_breaks_a_promise() -> None:
    async with httpx.AsyncClient(timeout=1) as client:
        with pytest.raises(AssertionError, match="forged"):
            await PROMISES["a_forged_callback_names_none"](Stage(Sandbox, client, signed=True))


async def test_one_that_does_not_notice_its_vendor_failing_breaks_a_promise() -> None:
    async with httpx.AsyncClient(timeout=1) as client:
        with pytest.raises(AssertionError, match="not noticed"):
            await PROMISES["a_vendor_that_fails_is_unavailable"](Deaf(Sandbox, client))
