"""The port to face verification: one result type with a closed list of reasons for every provider."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID

from app.core.errors import Unavailable


class FaceMode(StrEnum):
    """`photo`: a picture is compared; `live`: a living face before a camera."""

    PHOTO = "photo"
    LIVE = "live"


class FaceDecision(StrEnum):
    """How a check stands at the provider."""

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    ERROR = "error"


class FaceReason(StrEnum):
    """Why; the closed list that every provider's codes are translated to."""

    OK = "ok"
    IDENTITY_MISMATCH = "identity_mismatch"
    PERSON_NOT_FOUND = "person_not_found"
    SOURCE_PHOTO_MISSING = "source_photo_missing"
    FACE_MISMATCH = "face_mismatch"
    LIVENESS_FAILED = "liveness_failed"
    ATTACK_SUSPECTED = "attack_suspected"
    CAPTURE_QUALITY = "capture_quality"
    FACE_NOT_WHOLE = "face_not_whole"
    DEVICE_UNSUPPORTED = "device_unsupported"
    APP_OUTDATED = "app_outdated"
    PERMISSION_DENIED = "permission_denied"
    USER_CANCELLED = "user_cancelled"
    TIMED_OUT = "timed_out"
    NETWORK = "network"
    TOKEN_EXPIRED = "token_expired"
    PROVIDER_RETRY_LIMIT = "provider_retry_limit"
    PROVIDER_DAILY_LIMIT = "provider_daily_limit"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_MISCONFIGURED = "provider_misconfigured"
    PROVIDER_ARREARS = "provider_arrears"
    POLICY_BLOCK = "policy_block"
    DOCUMENT_EXPIRED = "document_expired"
    NOT_FINISHED = "not_finished"


class FaceServiceUnavailable(Unavailable):
    """The provider does not answer, or not in a way that we understand; it never counts against a person.

    `reason` says for the log what kept it from answering: NETWORK, PROVIDER_BUSY, PROVIDER_MISCONFIGURED,
    PROVIDER_ARREARS or PROVIDER_DAILY_LIMIT.
    """

    code = "face-service-unavailable"

    def __init__(self, reason: FaceReason = FaceReason.NETWORK, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.reason = reason


COUNTED = frozenset(
    {
        FaceReason.LIVENESS_FAILED,
        FaceReason.ATTACK_SUSPECTED,
        FaceReason.FACE_MISMATCH,
        FaceReason.IDENTITY_MISMATCH,
    }
)
"""The reasons that count against the person; faults, cancellations and timeouts never do."""


class ScoreBand(StrEnum):
    """A score, coarsely; for reviewers only."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class MatchSource(StrEnum):
    """What the face was compared with."""

    REGISTER = "register"
    OWN_PHOTO = "own_photo"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether a living face was before the camera."""

    done: bool
    passed: bool = False
    kind: str | None = None
    score_band: ScoreBand | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Whether the face is the one it was compared with."""

    done: bool
    passed: bool = False
    source: MatchSource = MatchSource.NONE
    score_band: ScoreBand | None = None


@dataclass(frozen=True, slots=True)
class FaceRequest:
    """What a provider is told: `check_id` is our order number, the same when a start is repeated.

    `reference` is the register's portrait, `photo` the facial photo (photo mode); both JPEG. `device_meta` is what the
    client's part of the provider gave, untouched.
    """

    check_id: UUID
    mode: FaceMode
    name: str = field(repr=False)
    number: str = field(repr=False)
    reference: bytes | None = field(repr=False)
    photo: bytes | None = field(repr=False)
    device_meta: Mapping[str, str] = field(repr=False)
    callback_url: str


@dataclass(frozen=True, slots=True)
class FaceStart:
    """A started check: the provider's reference and what the client's part needs (address, token or challenge)."""

    provider_ref: str
    client: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FaceResult:
    """How a check ended, or that it has not."""

    decision: FaceDecision
    reason: FaceReason
    liveness: Liveness
    match: Match
    provider_ref: str
    provider_code: str | None
    charged: bool
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class FaceCallback:
    """What came to our callback address, as it came."""

    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """A name for the event where the provider gives it none: the SHA-256 of all that came but the headers."""
        query = "&".join(f"{key}={value}" for key, value in sorted(self.query.items()))
        return hashlib.sha256(query.encode() + b"\n" + self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class FaceEvent:
    """What a callback speaks of: one of our checks, and the provider's name for the event (printable, at most 128)."""

    check_id: UUID
    event_id: str


@dataclass(frozen=True, slots=True)
class FrameChallenge:
    """What the frames of a check must keep to: how many there are, none by photo, and the word that each must carry."""

    frames: int
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """A frame as the client has sent it: its number, from 1, a JPEG with a longest side of 640, and when it came."""

    number: int
    content: bytes = field(repr=False)
    received_at: datetime


@dataclass(frozen=True, slots=True)
class FaceEvidence:
    """What a check is judged by on this server: the register's portrait and the facial photo, both JPEG, the frames.

    The frames are in the order of their numbers.
    """

    reference: bytes | None = field(repr=False)
    photo: bytes | None = field(repr=False)
    frames: tuple[FaceFrame, ...] = field(repr=False)


class FaceProvider(Protocol):
    """Verifies faces.

    It is made with keywords: `clock` (`app.core.clock.Clock`), `client` (an `httpx.AsyncClient`, the house's) and
    `options` (a mapping of texts, from `ESCARD_FACE_OPTIONS__<NAME>__<OPTION>`); a LookupError whose words name the
    option that is missing ends the start of the server. It keeps nothing: another process may be asked for the result.
    """

    name: str
    modes: frozenset[FaceMode]

    async def start(self, request: FaceRequest) -> FaceStart:
        """Start a check.

        What the provider says of the person at once (photo mode; a person it does not know) is no error: the
        reference carries it, and `result` tells it.

        Raises:
            FaceServiceUnavailable: no answer, or none that we understand.
        """
        ...

    async def result(self, provider_ref: str) -> FaceResult:
        """Ask how a check stands. A mismatch is a result, never an exception.

        Raises:
            FaceServiceUnavailable: no answer, or none that we understand.
        """
        ...

    async def cancel(self, provider_ref: str) -> None:
        """Give a check up; harmless when it is over.

        Raises:
            FaceServiceUnavailable: no answer, or none that we understand.
        """
        ...

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        """Return which of our checks a callback speaks of; it is a hint to ask for the result, never the result.

        None when it names none, or when the provider signs its callbacks and the signature is wrong or old.
        """
        ...

    async def close(self) -> None:
        """Let go of what the provider holds; the server stops."""
        ...


@runtime_checkable
class FrameFaceProvider(FaceProvider, Protocol):
    """Judges frames that the client uploads to this server, where other providers have a page or an SDK of their own.

    Until enough frames are there, `result` is pending; then `judge` takes its place. Frames lie sealed in the object
    store until the check ends.
    """

    def challenge(self, provider_ref: str) -> FrameChallenge:
        """Return what the frames of a check must keep to; the client was told the same when it started.

        Raises:
            FaceServiceUnavailable: not a reference of this provider's.
        """
        ...

    async def judge(self, provider_ref: str, evidence: FaceEvidence) -> FaceResult:
        """Judge the frames of a check; the same evidence gives the same answer.

        Raises:
            FaceServiceUnavailable: the judges are busy or broken; ask again.
        """
        ...
