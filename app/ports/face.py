"""The port to face verification: one result type with a closed list of reasons for every provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.core.errors import Unavailable


class FaceServiceUnavailable(Unavailable):
    """The provider does not answer, or not in a way that we understand; it never counts against a person."""

    code = "face-service-unavailable"


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


class FaceProvider(Protocol):
    """Verifies faces."""

    name: str
    modes: frozenset[FaceMode]

    async def start(self, request: FaceRequest) -> FaceStart:
        """Start a check.

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

    def check_named_by(self, callback: FaceCallback) -> UUID | None:
        """Return which of our checks a callback speaks of; it is a hint to ask for the result, never the result.

        None when it names none, or when the provider signs its callbacks and the signature is wrong.
        """
        ...

    async def close(self) -> None:
        """Let go of what the provider holds; the server stops."""
        ...
