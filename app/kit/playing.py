"""Plays checks on a stage and looks at what a provider says of them."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from typing import Final
from uuid import uuid4

from app.adapters.demo_pictures import portrait_photo
from app.core.clock import MovableClock
from app.kit.stage import Stage
from app.ports.face import (
    COUNTED,
    FaceDecision,
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    MatchSource,
)

NAME: Final = "古丽·买买提"
NUMBER: Final = "100101199001010048"

_PORTRAIT: Final = portrait_photo(1)
FAULTS: Final = frozenset(
    {
        FaceReason.NETWORK,
        FaceReason.PROVIDER_BUSY,
        FaceReason.PROVIDER_MISCONFIGURED,
        FaceReason.PROVIDER_ARREARS,
        FaceReason.PROVIDER_DAILY_LIMIT,
    }
)


class Keeping(logging.Handler):
    """Keeps what the log of Python's libraries says."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@asynccontextmanager
async def made(stage: Stage) -> AsyncIterator[FaceProvider]:
    """Make the provider for a while."""
    provider = stage.provider(MovableClock())
    try:
        yield provider
    finally:
        await provider.close()


async def started(
    stage: Stage, provider: FaceProvider, mode: FaceMode, reason: FaceReason
) -> tuple[FaceRequest, FaceStart]:
    """Start a check for which the vendor will give a reason."""
    request = FaceRequest(
        check_id=uuid4(),
        mode=mode,
        name=NAME,
        number=NUMBER,
        reference=_PORTRAIT,
        photo=_PORTRAIT if mode is FaceMode.PHOTO else None,
        device_meta={},
        callback_url=f"http://127.0.0.1:9/v1/callbacks/face/{provider.name}",
    )
    played = await stage.play(request, reason)
    return played, await provider.start(played)


async def asked(provider: FaceProvider, start: FaceStart) -> FaceResult:
    """Ask how a check stands."""
    result = await provider.result(start.provider_ref)
    assert isinstance(result, FaceResult), "result returns a FaceResult"
    return result


async def result_of(stage: Stage, provider: FaceProvider, mode: FaceMode, reason: FaceReason) -> FaceResult:
    """Play a check to its end."""
    _, start = await started(stage, provider, mode, reason)
    return await asked(provider, start)


def agrees(result: FaceResult, mode: FaceMode, reason: FaceReason) -> None:
    """See that the parts of a result agree with the reason that was played."""
    said = f"{mode.value}, {reason.value}"
    assert result.reason is reason, f"{said}: it says {result.reason}"
    passed, pending = result.decision is FaceDecision.PASSED, result.decision is FaceDecision.PENDING
    assert passed == (reason is FaceReason.OK), f"{said}: only OK passes"
    assert pending or reason is not FaceReason.NOT_FINISHED, f"{said}: it is not finished, and decides"
    if reason in COUNTED:
        assert result.decision is FaceDecision.FAILED, f"{said}: what counts is a failure"
    if reason in FAULTS:
        assert result.decision is not FaceDecision.FAILED, f"{said}: a fault of the vendor is nobody's failure"
    if passed:
        assert (result.match.done, result.match.passed) == (True, True), f"{said}: it passes without a match"
        assert result.match.source is not MatchSource.NONE, f"{said}: it matches nothing"
        is_alive = result.liveness.done and result.liveness.passed
        assert is_alive or mode is FaceMode.PHOTO, f"{said}: a live check passes without liveness"
    assert result.match.done or not result.match.passed, f"{said}: a match that was not done passes"
    assert result.liveness.done or not result.liveness.passed, f"{said}: liveness that was not done passes"
    assert result.occurred_at.tzinfo is not None, f"{said}: times have a zone"
    assert isinstance(result.charged, bool), f"{said}: it is charged or not"


def told(result: FaceResult) -> tuple[object, ...]:
    """Return what must not move: all of it but when."""
    return tuple(getattr(result, each.name) for each in fields(result) if each.name != "occurred_at")


async def fails_well(call: Callable[[], Awaitable[object]]) -> None:
    """See that a call to a vendor that fails says so in our words."""
    reason = None
    try:
        await call()
    except FaceServiceUnavailable as error:
        reason = error.reason
    assert reason is not None, "a vendor that fails is not noticed"
    assert reason in FAULTS, "what keeps a vendor from answering has a reason of its own"


async def everything_said(stage: Stage, provider: FaceProvider) -> list[str]:
    """Return what a provider says in good and in bad times."""
    said: list[str] = []
    for mode in provider.modes:
        for reason in stage.reasons(mode):
            _, start = await started(stage, provider, mode, reason)
            said += [start.provider_ref, str(dict(start.client)), repr(start), repr(await asked(provider, start))]
        for fault in sorted(stage.faults()):
            request, _ = await started(stage, provider, mode, FaceReason.OK)
            await stage.fail(fault)
            try:
                await provider.start(replace(request, check_id=uuid4()))
            except FaceServiceUnavailable as error:
                said += [str(error), repr(error), *(str(each) for each in _causes(error))]
            await stage.fail(None)
    return said


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause = error.__cause__
    while cause is not None:
        found.append(cause)
        cause = cause.__cause__
    return found
