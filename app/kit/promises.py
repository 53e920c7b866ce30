"""What every face provider promises, one function a promise; each is given a stage and fails with an AssertionError."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias
from uuid import uuid4

from structlog.testing import capture_logs

from app.adapters.demo_pictures import portrait_photo
from app.core.clock import MovableClock
from app.kit.playing import (
    NAME,
    NUMBER,
    Keeping,
    agrees,
    asked,
    everything_said,
    fails_well,
    made,
    result_of,
    started,
    told,
)
from app.kit.stage import Stage
from app.ports.face import (
    COUNTED,
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceEvidence,
    FaceMode,
    FaceReason,
    FaceServiceUnavailable,
    FaceStart,
    FrameFaceProvider,
)

Promise: TypeAlias = Callable[[Stage], Awaitable[None]]

PROMISES: Final[dict[str, Promise]] = {}
"""Every promise by its name, in words."""


def promise(function: Promise) -> Promise:
    """Add a promise to the list."""
    PROMISES[function.__name__] = function
    return function


@promise
async def it_says_what_it_can_do(stage: Stage) -> None:
    """A name, and at least one mode."""
    async with made(stage) as provider:
        assert provider.name, "the provider has no name"
        assert provider.name == provider.name.lower(), "the name is part of an address: lower case"
        assert provider.modes, "the provider declares no mode"
        assert provider.modes <= frozenset(FaceMode), "the provider declares a mode that is none"


@promise
async def a_start_gives_texts_for_the_client(stage: Stage) -> None:
    """A reference, and what the client's part needs, as texts."""
    async with made(stage) as provider:
        for mode in provider.modes:
            _, start = await started(stage, provider, mode, FaceReason.OK)
            assert isinstance(start, FaceStart), "start returns a FaceStart"
            assert start.provider_ref, "a check has a reference"
            assert all(isinstance(text, str) for pair in start.client.items() for text in pair), "texts for the client"


@promise
async def each_reason_is_told_and_decides_as_it_should(stage: Stage) -> None:
    """The reason played is the reason told; only OK passes, what counts against the person is a failure."""
    async with made(stage) as provider:
        for mode in provider.modes:
            assert FaceReason.OK in stage.reasons(mode), "a stage can let people pass"
            for reason in stage.reasons(mode):
                agrees(await result_of(stage, provider, mode, reason), mode, reason)


@promise
async def asked_again_it_says_the_same(stage: Stage) -> None:
    """A check that has ended does not move."""
    async with made(stage) as provider:
        for mode in provider.modes:
            for reason in stage.reasons(mode):
                _, start = await started(stage, provider, mode, reason)
                first, second = [await asked(provider, start) for _ in range(2)]
                assert told(first) == told(second), f"{reason.value}: asked twice, it says two things"


@promise
async def another_process_says_the_same(stage: Stage) -> None:
    """The reference is all that a provider needs: nothing is kept in memory."""
    async with made(stage) as here, made(stage) as there:
        for mode in here.modes:
            _, start = await started(stage, here, mode, FaceReason.OK)
            first, second = await asked(here, start), await asked(there, start)
            assert told(first) == told(second), "a provider made anew says something else of the same check"


@promise
async def a_start_may_be_repeated(stage: Stage) -> None:
    """After a crash the same start is made again, with the same order number."""
    async with made(stage) as provider:
        for mode in provider.modes:
            request, _ = await started(stage, provider, mode, FaceReason.OK)
            again = await provider.start(request)
            assert (await asked(provider, again)).reason is FaceReason.OK, "a repeated start does not pass"


@promise
async def giving_up_is_harmless(stage: Stage) -> None:
    """While it runs, twice, and when it is over."""
    async with made(stage) as provider:
        for mode in provider.modes:
            _, start = await started(stage, provider, mode, FaceReason.OK)
            await provider.cancel(start.provider_ref)
            await provider.cancel(start.provider_ref)
            _, ended = await started(stage, provider, mode, FaceReason.OK)
            await asked(provider, ended)
            await provider.cancel(ended.provider_ref)


@promise
async def a_vendor_that_fails_is_unavailable(stage: Stage) -> None:
    """Whatever is wrong with the vendor is a FaceServiceUnavailable with a reason, never somebody's failure."""
    for fault in sorted(stage.faults()):
        async with made(stage) as provider:
            for mode in provider.modes:
                request, start = await started(stage, provider, mode, FaceReason.OK)
                await stage.fail(fault)
                await fails_well(partial(provider.start, replace(request, check_id=uuid4())))
                with suppress(FaceServiceUnavailable):  # a reference that carries the result needs no vendor
                    assert (await asked(provider, start)).decision is FaceDecision.PASSED
                await stage.fail(None)


@promise
async def a_strange_reference_is_unavailable(stage: Stage) -> None:
    """A reference that the provider has not written is nobody's failure either."""
    async with made(stage) as provider:
        for reference in ("", "x", "bnVsbA==", "{}", "ü" * 300):
            try:
                result = await provider.result(reference)
            except FaceServiceUnavailable:
                continue
            assert result.decision is not FaceDecision.PASSED, "a strange reference passes"
            assert result.reason not in COUNTED, "a strange reference counts against somebody"


@promise
async def a_callback_names_its_check(stage: Stage) -> None:
    """The same event has the same name twice, of at most 128 characters."""
    async with made(stage) as provider:
        for mode in provider.modes:
            request, start = await started(stage, provider, mode, FaceReason.OK)
            callback = stage.callback(request, start)
            if callback is None:
                continue
            event = provider.event_of(callback.genuine)
            assert isinstance(event, FaceEvent), "a genuine callback is not understood"
            assert event.check_id == request.check_id, "a callback names another check"
            assert 0 < len(event.event_id) <= 128, "an event's name has 1 to 128 characters"
            assert provider.event_of(callback.genuine) == event, "the same event has two names"


@promise
async def a_forged_callback_names_none(stage: Stage) -> None:
    """Where the vendor signs, what is not signed by it is nothing."""
    async with made(stage) as provider:
        for mode in provider.modes:
            request, start = await started(stage, provider, mode, FaceReason.OK)
            callback = stage.callback(request, start)
            if callback is not None and callback.forged is not None:
                assert provider.event_of(callback.forged) is None, "a forged callback is believed"


@promise
async def a_callback_of_anything_is_harmless(stage: Stage) -> None:
    """Whoever likes may write to the callback address."""
    nothing: Mapping[str, str] = {}
    bodies = (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 5000, b'{"check_id": 7}', b"a=b&a=c&check=")
    async with made(stage) as provider:
        for body in bodies:
            assert provider.event_of(FaceCallback(nothing, nothing, body)) is None, "an event is made of nothing"
        strange = {"check": "not an id", "order": "7", "token": "ü", "certifyId": ""}
        assert provider.event_of(FaceCallback(strange, strange, b"")) is None, "an event is made of strange words"


@promise
async def nothing_personal_is_told(stage: Stage) -> None:
    """Not in what is kept or given to the client, not in errors, not in the log."""
    lines: list[str] = []
    handler = Keeping(lines)
    logging.getLogger().addHandler(handler)
    try:
        with capture_logs() as events:
            async with made(stage) as provider:
                lines.extend(await everything_said(stage, provider))
        lines.extend(map(str, events))
    finally:
        logging.getLogger().removeHandler(handler)
    for personal in (NAME, NUMBER):
        assert not any(personal in line for line in lines), "a name or a number is told"


@promise
async def frames_are_judged_when_they_are_there(stage: Stage) -> None:
    """A provider that judges frames waits for them, and says the same of the same ones."""
    async with made(stage) as provider:
        if not isinstance(provider, FrameFaceProvider):
            return
        for mode in provider.modes:
            _, start = await started(stage, provider, mode, FaceReason.OK)
            nothing = FaceEvidence(reference=portrait_photo(1), photo=None, frames=())
            result = await provider.judge(start.provider_ref, nothing)
            assert result.decision is not FaceDecision.PASSED, "nobody passes without a frame or a photo"


@promise
async def it_closes_twice(stage: Stage) -> None:
    """The server stops in any order."""
    provider = stage.provider(MovableClock())
    await provider.close()
    await provider.close()
