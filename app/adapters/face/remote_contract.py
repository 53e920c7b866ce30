"""What a remote face provider may say, as `docs/face-remote.openapi.yaml` has it; nothing else is understood."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from app.core.logging import logger
from app.ports.face import (
    FaceDecision,
    FaceMode,
    FaceReason,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
    ScoreBand,
)

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

_MOST_FAULTS: Final = 10
_NOT_LIVE: Final = frozenset({FaceReason.LIVENESS_FAILED, FaceReason.ATTACK_SUSPECTED})

_CheckId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
_Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Text = Annotated[str, StringConstraints(max_length=4096)]
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
CheckName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Said(BaseModel):
    """What a provider says: each field, no other, and of its type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class CheckBegun(Said):
    """The answer to the beginning of a check."""

    id: CheckName
    client: Annotated[dict[_Word, _Text], Field(max_length=16)] = Field(repr=False)

    @model_validator(mode="after")
    def _opens_a_page(self) -> Self:
        if not self.client.get("url", "https://").startswith(("https://", "http://")):
            raise ValueError("an app opens pages alone")
        return self


class SaidLiveness(Said):
    """The verdict on liveness, if there is one."""

    done: bool
    passed: bool
    kind: _Word | None
    score_band: ScoreBand | None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.done and (self.passed, self.kind, self.score_band) != (False, None, None):
            raise ValueError("what was not done has no outcome")
        return self

    def told(self) -> Liveness:
        """Return it as the port has it."""
        return Liveness(self.done, self.passed, self.kind, self.score_band)


class SaidMatch(Said):
    """The verdict on the match, if there is one."""

    done: bool
    passed: bool
    source: MatchSource
    score_band: ScoreBand | None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.done == (self.source is MatchSource.NONE):
            raise ValueError("a face is compared with something")
        if not self.done and (self.passed, self.score_band) != (False, None):
            raise ValueError("what was not done has no outcome")
        return self

    def told(self) -> Match:
        """Return it as the port has it."""
        return Match(self.done, self.passed, self.source, self.score_band)


class CheckStanding(Said):
    """How a check stands; its parts agree."""

    check_id: _CheckId
    mode: FaceMode
    decision: FaceDecision
    reason: FaceReason
    liveness: SaidLiveness
    match: SaidMatch
    code: _Code | None
    charged: bool
    occurred_at: AwareDatetime

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.decision is not _DECISIONS.get(self.reason, FaceDecision.FAILED):
            raise ValueError("the reason has another decision")
        if (self.liveness.done and not self.liveness.passed) != (self.reason in _NOT_LIVE):
            raise ValueError("reason and liveness differ")
        does_not_match = self.match.done and not self.match.passed
        if self.reason is FaceReason.FACE_MISMATCH:
            agrees = does_not_match
        else:
            agrees = not does_not_match or self.reason in _NOT_LIVE
        if not agrees:
            raise ValueError("reason and match differ")
        is_alive = self.liveness.passed or self.mode is FaceMode.PHOTO
        if self.decision is FaceDecision.PASSED and not (self.match.passed and is_alive):
            raise ValueError("nobody passes without a match, nor before a camera without liveness")
        return self


class _Ended(Said):
    check_id: _CheckId


class CheckEnded(Said):
    """The callback: a check has ended."""

    type: Literal["face_check.ended"]
    timestamp: AwareDatetime
    data: _Ended


class Refusal(Said):
    """What keeps the provider from answering."""

    reason: Literal[
        FaceReason.NETWORK,
        FaceReason.PROVIDER_BUSY,
        FaceReason.PROVIDER_MISCONFIGURED,
        FaceReason.PROVIDER_ARREARS,
        FaceReason.PROVIDER_DAILY_LIMIT,
    ]


_Model = TypeVar("_Model", bound=Said)


def read(model: type[_Model], body: bytes) -> _Model:
    """Read what a provider has said; what is wrong with it is logged by field and kind, never by value.

    Raises:
        FaceServiceUnavailable: it is not what the contract says.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        logger(__name__).warning("remote_not_understood", said=model.__name__, faults=_faults(model, error))
        raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED) from error


def _faults(model: type[Said], error: ValidationError) -> list[str]:
    """Return what is wrong: the field, where it is one of ours, and the kind or our own words."""
    faults = []
    for each in error.errors(include_url=False, include_input=False)[:_MOST_FAULTS]:
        field = next((str(step) for step in each["loc"][:1] if step in model.model_fields), "")
        faults.append(f"{field}: {each['ctx']['error'] if each['type'] == 'value_error' else each['type']}")
    return faults
