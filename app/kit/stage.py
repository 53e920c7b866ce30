"""A stage: a stand-in for a vendor, on loopback, that says of a check what it is asked to."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from app.core.clock import Clock
from app.ports.face import FaceCallback, FaceMode, FaceProvider, FaceReason, FaceRequest, FaceStart


class Fault(StrEnum):
    """How a vendor fails."""

    GONE = "gone"
    """Nobody listens at its address."""
    SILENT = "silent"
    """It takes the request and does not answer while the client waits."""
    BROKEN = "broken"
    """HTTP 500."""
    GARBLED = "garbled"
    """HTTP 200, and a body that is no answer."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What a vendor sends when a check is done, and the same by somebody who only pretends to be the vendor.

    `forged` is None where the vendor signs nothing: then what comes is a hint in any case.
    """

    genuine: FaceCallback
    forged: FaceCallback | None


class Stage(Protocol):
    """Plays the vendor of one provider; one that nobody told anything passes everybody.

    `reasons` are those the vendor can give for a check of a mode.
    """

    def reasons(self, mode: FaceMode) -> frozenset[FaceReason]:
        """Return the reasons that can be played in a mode; OK is among them."""
        ...

    def provider(self, clock: Clock) -> FaceProvider:
        """Make the provider anew, as another process would, joined to this vendor with a client that waits a second."""
        ...

    async def play(self, request: FaceRequest, reason: FaceReason) -> FaceRequest:
        """Have the vendor give this reason for the check of this request; return the request to start it with."""
        ...

    async def fail(self, fault: Fault | None) -> None:
        """Let every call to the vendor fail in a way from now on; None ends it."""
        ...

    def faults(self) -> frozenset[Fault]:
        """Return the faults that can be played: none where there is no vendor."""
        ...

    def callback(self, request: FaceRequest, start: FaceStart) -> Callback | None:
        """Return what the vendor calls back when a check is done; None where it never does."""
        ...


class StageMaker(Protocol):
    """What the entry point group `escard.face_provider_stages` names: opens a stage for one promise."""

    def __call__(self) -> AbstractAsyncContextManager[Stage]:
        """Open it."""
        ...
