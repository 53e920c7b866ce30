"""What Tencent's codes mean in our words: results of checks, results of photos, errors of the API."""

from collections.abc import Mapping
from typing import Final

from app.ports.face import FaceDecision, FaceReason

_DECISIONS: Final[Mapping[FaceReason, FaceDecision]] = {
    FaceReason.OK: FaceDecision.PASSED,
    FaceReason.NOT_FINISHED: FaceDecision.PENDING,
    FaceReason.TOKEN_EXPIRED: FaceDecision.EXPIRED,
    FaceReason.NETWORK: FaceDecision.ERROR,
    FaceReason.PROVIDER_BUSY: FaceDecision.ERROR,
    FaceReason.PROVIDER_MISCONFIGURED: FaceDecision.ERROR,
}
"""What each reason decides; the others fail. A fault of the vendor that is a check's last word ends it, uncounted."""

_COMPARED: Final[Mapping[int, FaceReason]] = {
    2001: FaceReason.PROVIDER_BUSY,  # the engine that compares timed out
    2002: FaceReason.PERSON_NOT_FOUND,  # a name it cannot read: long ones, foreign ones
    2003: FaceReason.PERSON_NOT_FOUND,  # a number it cannot read
    2004: FaceReason.CAPTURE_QUALITY,
    2005: FaceReason.PERSON_NOT_FOUND,
    2006: FaceReason.IDENTITY_MISMATCH,
    2007: FaceReason.SOURCE_PHOTO_MISSING,
    2008: FaceReason.SOURCE_PHOTO_MISSING,
    2009: FaceReason.SOURCE_PHOTO_MISSING,  # there is one, too small to compare with
    2010: FaceReason.FACE_NOT_WHOLE,
    2011: FaceReason.LIVENESS_FAILED,
    2012: FaceReason.CAPTURE_QUALITY,  # several faces
    2013: FaceReason.FACE_NOT_WHOLE,
    2014: FaceReason.DEVICE_UNSUPPORTED,  # "please use another phone"
    2015: FaceReason.CAPTURE_QUALITY,  # the comparison failed, which is not the same as a low similarity (2016)
    2016: FaceReason.FACE_MISMATCH,
}

H5: Final[Mapping[int, FaceReason]] = {
    **_COMPARED,
    0: FaceReason.OK,
    1: FaceReason.PROVIDER_MISCONFIGURED,
    2: FaceReason.PROVIDER_MISCONFIGURED,
    3: FaceReason.PROVIDER_MISCONFIGURED,
    4: FaceReason.PROVIDER_BUSY,
    8: FaceReason.PROVIDER_BUSY,
    9: FaceReason.PROVIDER_BUSY,
    10: FaceReason.PROVIDER_BUSY,
    11: FaceReason.PROVIDER_BUSY,
    12: FaceReason.PROVIDER_BUSY,
    13: FaceReason.PROVIDER_BUSY,
    14: FaceReason.TOKEN_EXPIRED,  # the token's one use is over, and this is no verdict
    15: FaceReason.TOKEN_EXPIRED,
    16: FaceReason.PROVIDER_RETRY_LIMIT,
    17: FaceReason.NOT_FINISHED,
    201: FaceReason.NETWORK,
    202: FaceReason.NETWORK,
    203: FaceReason.PROVIDER_MISCONFIGURED,
    204: FaceReason.PROVIDER_MISCONFIGURED,
    301: FaceReason.IDENTITY_MISMATCH,  # the card held before the camera is another one
    302: FaceReason.DOCUMENT_EXPIRED,
    303: FaceReason.CAPTURE_QUALITY,
    1001: FaceReason.PROVIDER_BUSY,  # the liveness engine timed out, not the person
    1002: FaceReason.LIVENESS_FAILED,
    1003: FaceReason.CAPTURE_QUALITY,  # 1003 to 1005 and 1302: "did not work, please try again"
    1004: FaceReason.CAPTURE_QUALITY,
    1005: FaceReason.CAPTURE_QUALITY,
    1006: FaceReason.PROVIDER_BUSY,
    1007: FaceReason.NETWORK,
    1008: FaceReason.NETWORK,
    1101: FaceReason.CAPTURE_QUALITY,  # 1101 to 1109: a number that is read aloud
    1102: FaceReason.FACE_NOT_WHOLE,
    1103: FaceReason.CAPTURE_QUALITY,
    1104: FaceReason.DEVICE_UNSUPPORTED,
    1105: FaceReason.NETWORK,
    1106: FaceReason.CAPTURE_QUALITY,
    1107: FaceReason.CAPTURE_QUALITY,
    1108: FaceReason.DEVICE_UNSUPPORTED,
    1109: FaceReason.CAPTURE_QUALITY,
    1201: FaceReason.CAPTURE_QUALITY,  # 1201 to 1210: movements that are asked for
    1202: FaceReason.CAPTURE_QUALITY,
    1203: FaceReason.FACE_NOT_WHOLE,
    1204: FaceReason.FACE_NOT_WHOLE,
    1205: FaceReason.FACE_NOT_WHOLE,
    1206: FaceReason.FACE_NOT_WHOLE,
    1207: FaceReason.LIVENESS_FAILED,
    1208: FaceReason.LIVENESS_FAILED,
    1209: FaceReason.LIVENESS_FAILED,
    1210: FaceReason.FACE_NOT_WHOLE,
    1301: FaceReason.LIVENESS_FAILED,
    1302: FaceReason.CAPTURE_QUALITY,
    1303: FaceReason.CAPTURE_QUALITY,
    1401: FaceReason.LIVENESS_FAILED,
}
"""`Text.ErrCode` of GetDetectInfoEnhanced.

https://cloud.tencent.com/document/product/1007/31082, https://cloud.tencent.com/document/product/213/32309, for 9, 11
and 1401 https://www.tencentcloud.com/document/product/1061/55390, and for the present words of 1004, 1005 and 1301 to
1303 https://cloud.tencent.com/document/product/1007/95804
"""

SDK: Final[Mapping[int, FaceReason]] = {
    **_COMPARED,
    0: FaceReason.OK,
    2: FaceReason.PROVIDER_MISCONFIGURED,
    3: FaceReason.PROVIDER_MISCONFIGURED,
    4: FaceReason.PROVIDER_BUSY,
    7: FaceReason.PROVIDER_BUSY,
    8: FaceReason.PROVIDER_BUSY,
    14: FaceReason.TOKEN_EXPIRED,
    15: FaceReason.TOKEN_EXPIRED,
    17: FaceReason.NOT_FINISHED,
    18: FaceReason.PROVIDER_BUSY,
    19: FaceReason.TOKEN_EXPIRED,
    1001: FaceReason.PROVIDER_BUSY,
    1003: FaceReason.CAPTURE_QUALITY,
    1004: FaceReason.CAPTURE_QUALITY,
    1005: FaceReason.CAPTURE_QUALITY,
    1007: FaceReason.ATTACK_SUSPECTED,
    1202: FaceReason.CAPTURE_QUALITY,
    2017: FaceReason.PROVIDER_BUSY,  # the authority's source is being renewed
}
"""`Result` of GetFaceIdResult: https://cloud.tencent.com/document/product/1007/101997"""

CHARGED_H5: Final = frozenset({0, 1002, 2006, 2016})
CHARGED_SDK: Final = frozenset({0, 2006, 2007, 2009, 2011, 2012, 2013, 2014, 2015, 2016})
"""What the pages above say is charged for."""

PHOTO_PASSED: Final = "Success"
PHOTO_DIFFERS: Final = "FailedOperation.CompareLowSimilarity"

PHOTO: Final[Mapping[str, FaceReason]] = {
    PHOTO_PASSED: FaceReason.OK,
    PHOTO_DIFFERS: FaceReason.FACE_MISMATCH,
    "FailedOperation.CompareFail": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.CoveredFace": FaceReason.FACE_NOT_WHOLE,
    "FailedOperation.EmptyImageError": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.IdFormatError": FaceReason.PERSON_NOT_FOUND,
    "FailedOperation.IdNameMisMatch": FaceReason.IDENTITY_MISMATCH,
    "FailedOperation.IdNoExistSystem": FaceReason.PERSON_NOT_FOUND,
    "FailedOperation.IdPhotoNoExist": FaceReason.SOURCE_PHOTO_MISSING,
    "FailedOperation.IdPhotoPoorQuality": FaceReason.SOURCE_PHOTO_MISSING,
    "FailedOperation.ImageBlur": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.ImageDecodeFailed": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.ImageSizeTooLarge": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.IncompleteFace": FaceReason.FACE_NOT_WHOLE,
    "FailedOperation.LifePhotoDetectFaces": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.LifePhotoDetectFake": FaceReason.ATTACK_SUSPECTED,
    "FailedOperation.LifePhotoDetectNoFaces": FaceReason.FACE_NOT_WHOLE,
    "FailedOperation.LifePhotoPoorQuality": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.LifePhotoSizeError": FaceReason.CAPTURE_QUALITY,
    "FailedOperation.NameFormatError": FaceReason.PERSON_NOT_FOUND,
    "FailedOperation.PoorImageQuality": FaceReason.CAPTURE_QUALITY,
}
"""What ImageRecognitionV2 says of the person, as its `Result` or as an error.

https://cloud.tencent.com/document/product/1007/102203 and https://cloud.tencent.com/document/product/1007/47911
"""

CHARGED_PHOTO: Final = frozenset({PHOTO_PASSED, PHOTO_DIFFERS, "FailedOperation.IdNameMisMatch"})
"""https://cloud.tencent.com/document/product/1007/47911"""

TOKEN_OVER: Final = "InvalidParameterValue.BizTokenExpired"  # noqa: S105 - the name of an error
"""The one error that says how a live check stands: https://cloud.tencent.com/document/api/1007/41957"""

_FAULTS: Final[Mapping[str, FaceReason]] = {
    "FailedOperation.IdentityAuthLimitExceeded": FaceReason.PROVIDER_DAILY_LIMIT,
    "FailedOperation.ImageSizeTooLarge": FaceReason.PROVIDER_MISCONFIGURED,  # of the portrait, when a check begins
    "FailedOperation.StsUnAuthErrError": FaceReason.PROVIDER_MISCONFIGURED,
    "ResourceUnavailable.ChargeStatusException": FaceReason.PROVIDER_ARREARS,
    "ResourceUnavailable.InArrears": FaceReason.PROVIDER_ARREARS,
    "UnauthorizedOperation.Arrears": FaceReason.PROVIDER_ARREARS,
    "UnauthorizedOperation.ChargeStatusException": FaceReason.PROVIDER_ARREARS,
}
_FAMILIES: Final[Mapping[str, FaceReason]] = {
    "ActionOffline": FaceReason.PROVIDER_MISCONFIGURED,
    "AuthFailure": FaceReason.PROVIDER_MISCONFIGURED,  # our clock, too: SignatureExpire is five minutes
    "DryRunOperation": FaceReason.PROVIDER_MISCONFIGURED,
    "FailedOperation": FaceReason.PROVIDER_BUSY,
    "InternalError": FaceReason.PROVIDER_BUSY,
    "InvalidAction": FaceReason.PROVIDER_MISCONFIGURED,
    "InvalidParameter": FaceReason.PROVIDER_MISCONFIGURED,
    "InvalidParameterValue": FaceReason.PROVIDER_MISCONFIGURED,
    "InvalidRequest": FaceReason.PROVIDER_MISCONFIGURED,
    "IpInBlacklist": FaceReason.PROVIDER_MISCONFIGURED,
    "IpNotInWhitelist": FaceReason.PROVIDER_MISCONFIGURED,
    "LimitExceeded": FaceReason.PROVIDER_BUSY,
    "MissingParameter": FaceReason.PROVIDER_MISCONFIGURED,
    "NoSuchProduct": FaceReason.PROVIDER_MISCONFIGURED,
    "NoSuchVersion": FaceReason.PROVIDER_MISCONFIGURED,
    "OperationDenied": FaceReason.PROVIDER_MISCONFIGURED,
    "RequestLimitExceeded": FaceReason.PROVIDER_BUSY,
    "RequestSizeLimitExceeded": FaceReason.PROVIDER_MISCONFIGURED,
    "ResourceInUse": FaceReason.PROVIDER_BUSY,
    "ResourceInsufficient": FaceReason.PROVIDER_BUSY,
    "ResourceNotFound": FaceReason.PROVIDER_MISCONFIGURED,
    "ResourceUnavailable": FaceReason.PROVIDER_BUSY,
    "ResponseSizeLimitExceeded": FaceReason.PROVIDER_MISCONFIGURED,
    "ServiceUnavailable": FaceReason.PROVIDER_BUSY,
    "UnauthorizedOperation": FaceReason.PROVIDER_MISCONFIGURED,
    "UnknownParameter": FaceReason.PROVIDER_MISCONFIGURED,
    "UnsupportedOperation": FaceReason.PROVIDER_MISCONFIGURED,
    "UnsupportedProtocol": FaceReason.PROVIDER_MISCONFIGURED,
    "UnsupportedRegion": FaceReason.PROVIDER_MISCONFIGURED,
}
"""The part of an error's code before the dot.

https://cloud.tencent.com/document/product/213/30435 (common errors) and
https://cloud.tencent.com/api/error-center?product=faceid
"""


def decision_of(reason: FaceReason) -> FaceDecision:
    """Return what a reason decides."""
    return _DECISIONS.get(reason, FaceDecision.FAILED)


def fault_of(code: str) -> FaceReason:
    """Return what keeps the API from answering, by its error's code; one we do not know is as good as no answer."""
    return _FAULTS.get(code) or _FAMILIES.get(code.partition(".")[0], FaceReason.NETWORK)
