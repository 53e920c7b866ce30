"""What the codes of Alibaba Cloud's real-person verification mean; what is not in these tables is nobody's failure.

Code and SubCode: https://help.aliyun.com/zh/id-verification/financial-grade-id-verification/error-code
Pictures and ages (405, 419 to 423): the descriptions of InitFaceVerify and ContrastFaceVerify in
https://api.aliyun.com/meta/v1/products/Cloudauth/versions/2019-03-07/api-docs.json
Gateway: https://help.aliyun.com/document_detail/48054.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.ports.face import (
    FaceDecision,
    FaceMode,
    FaceReason,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
)

SUCCESS: Final = "200"
PENDING: Final = frozenset({"403", "424"})
"""Not done yet, being judged, or left; the vendor does not say which."""

NOT_TAKEN: Final = ""
"""Ours: the vendor has nothing to compare this person with, so it was not asked."""

_FAULTS: Final[Mapping[str, FaceReason]] = {
    "400": FaceReason.PROVIDER_MISCONFIGURED,  # a parameter is missing
    "401": FaceReason.PROVIDER_MISCONFIGURED,  # illegal: of person, device or callback address, it does not say which
    "402": FaceReason.PROVIDER_MISCONFIGURED,  # no such application
    "404": FaceReason.PROVIDER_MISCONFIGURED,  # no such scene
    "406": FaceReason.PROVIDER_MISCONFIGURED,  # no such CertifyId
    "410": FaceReason.PROVIDER_MISCONFIGURED,  # service not activated
    "411": FaceReason.PROVIDER_MISCONFIGURED,  # the access key has no permission
    "412": FaceReason.PROVIDER_ARREARS,
    "420": FaceReason.PROVIDER_MISCONFIGURED,  # a picture given in two ways
    "422": FaceReason.PROVIDER_MISCONFIGURED,  # a picture by address; we give none
    "423": FaceReason.PROVIDER_MISCONFIGURED,  # a picture of an earlier check; we give none
    "500": FaceReason.PROVIDER_BUSY,
}
_REFUSALS: Final[Mapping[str, tuple[FaceDecision, FaceReason]]] = {
    NOT_TAKEN: (FaceDecision.FAILED, FaceReason.SOURCE_PHOTO_MISSING),
    "405": (FaceDecision.FAILED, FaceReason.POLICY_BLOCK),  # under 14
    "414": (FaceDecision.FAILED, FaceReason.DEVICE_UNSUPPORTED),
    "415": (FaceDecision.FAILED, FaceReason.APP_OUTDATED),  # the version of the vendor's SDK
    "416": (FaceDecision.FAILED, FaceReason.DEVICE_UNSUPPORTED),  # the version of the operating system
    "417": (FaceDecision.FAILED, FaceReason.SOURCE_PHOTO_MISSING),  # so is who was 201, 202 or 203 before
    "418": (FaceDecision.ERROR, FaceReason.PROVIDER_DAILY_LIMIT),  # of this person
    "427": (FaceDecision.FAILED, FaceReason.POLICY_BLOCK),
}
_PICTURE_REFUSALS: Final[Mapping[str, Mapping[FaceMode, FaceReason]]] = {
    code: {FaceMode.PHOTO: FaceReason.CAPTURE_QUALITY, FaceMode.LIVE: FaceReason.SOURCE_PHOTO_MISSING}
    for code in ("419", "421")  # no face in it, too small; more than 1 MB
}
_OUTCOMES: Final[Mapping[str, tuple[FaceDecision, FaceReason]]] = {
    "200": (FaceDecision.PASSED, FaceReason.OK),
    "201": (FaceDecision.FAILED, FaceReason.IDENTITY_MISMATCH),
    "202": (FaceDecision.FAILED, FaceReason.PERSON_NOT_FOUND),
    "203": (FaceDecision.FAILED, FaceReason.SOURCE_PHOTO_MISSING),
    "204": (FaceDecision.FAILED, FaceReason.FACE_MISMATCH),
    "205": (FaceDecision.FAILED, FaceReason.ATTACK_SUSPECTED),
    "206": (FaceDecision.FAILED, FaceReason.POLICY_BLOCK),
    "207": (FaceDecision.FAILED, FaceReason.FACE_MISMATCH),  # with the photo of the identity card
    "209": (FaceDecision.ERROR, FaceReason.PROVIDER_BUSY),  # the source compared with is out of order
    "210": (FaceDecision.PASSED, FaceReason.OK),  # by the vendor's judgement of all it knows
}
_BUSY: Final = ("Throttling", "ServiceUnavailable", "InternalError")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a code means in our words."""

    decision: FaceDecision
    reason: FaceReason
    liveness: Liveness
    match: Match


def refused(code: str, mode: FaceMode) -> Outcome:
    """Return what a code other than success says of the person or the device.

    Raises:
        FaceServiceUnavailable: it says nothing of them, or is in no table.
    """
    if code in _PICTURE_REFUSALS:
        decision, reason = FaceDecision.FAILED, _PICTURE_REFUSALS[code][mode]
    elif code in _REFUSALS:
        decision, reason = _REFUSALS[code]
    else:
        raise FaceServiceUnavailable(_FAULTS.get(code, FaceReason.NETWORK))
    return Outcome(decision, reason, Liveness(done=False), Match(done=False))


def judged(sub_code: str, mode: FaceMode) -> Outcome:
    """Return what the sub-code of a successful call says. Scores are not read: the vendor calls them unreliable.

    Raises:
        FaceServiceUnavailable: it is in no table.
    """
    if sub_code not in _OUTCOMES:
        raise FaceServiceUnavailable
    decision, reason = _OUTCOMES[sub_code]
    return Outcome(decision, reason, _liveness(mode, reason), _match(reason))


def gateway_fault(status: int, code: str) -> FaceReason:
    """Return why the gateway before the vendor's API has answered with another status than 200."""
    if status == 429 or status >= 500 or code.startswith(_BUSY):
        return FaceReason.PROVIDER_BUSY
    return FaceReason.PROVIDER_MISCONFIGURED if status >= 400 else FaceReason.NETWORK


def _liveness(mode: FaceMode, reason: FaceReason) -> Liveness:
    kind = "blink_and_shake" if mode is FaceMode.LIVE else "still"
    if reason is FaceReason.ATTACK_SUSPECTED:
        return Liveness(done=True, passed=False, kind=kind)
    if mode is FaceMode.LIVE and reason is not FaceReason.POLICY_BLOCK:
        return Liveness(done=True, passed=True, kind=kind)
    return Liveness(done=False)


def _match(reason: FaceReason) -> Match:
    if reason not in (FaceReason.OK, FaceReason.FACE_MISMATCH):
        return Match(done=False)
    return Match(done=True, passed=reason is FaceReason.OK, source=MatchSource.REGISTER)
