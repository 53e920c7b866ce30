"""Tencent's codes mean what its pages say; unknown ones, and faults of whatever kind, are nobody's failure."""

import asyncio
import traceback
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from app.adapters.face.tencent import TencentFaceProvider
from app.core.clock import MovableClock
from app.ports.face import COUNTED, FaceDecision, FaceMode, FaceReason, FaceServiceUnavailable
from tests.adapters.face.tencent.asking import NAME, NUMBER, Make, play, request
from tests.adapters.face.tencent.vendor import Vendor, joined, says

# The vendor's pages, read on their own: what each code says, and whether it is charged for.
# https://cloud.tencent.com/document/product/1007/31082 and https://cloud.tencent.com/document/product/213/32309
H5: Final = {
    "ok": "0*",
    "provider_misconfigured": "1 2 3 203 204",
    "provider_busy": "4 8 9 10 11 12 13 1001 1006 2001",
    "token_expired": "14 15",
    "provider_retry_limit": "16",
    "not_finished": "17",
    "network": "201 202 1007 1008 1105",
    "identity_mismatch": "301 2006*",
    "document_expired": "302",
    "liveness_failed": "1002* 1207 1208 1209 1301 1401 2011",
    "capture_quality": "303 1003 1004 1005 1101 1103 1106 1107 1109 1201 1202 1302 1303 2004 2012 2015",
    "face_not_whole": "1102 1203 1204 1205 1206 1210 2010 2013",
    "device_unsupported": "1104 1108 2014",
    "person_not_found": "2002 2003 2005",
    "source_photo_missing": "2007 2008 2009",
    "face_mismatch": "2016*",
}
# https://cloud.tencent.com/document/product/1007/101997
SDK: Final = {
    "ok": "0*",
    "provider_misconfigured": "2 3",
    "provider_busy": "4 7 8 18 1001 2001 2017",
    "token_expired": "14 15 19",
    "not_finished": "17",
    "capture_quality": "1003 1004 1005 1202 2004 2012* 2015*",
    "attack_suspected": "1007",
    "person_not_found": "2002 2003 2005",
    "identity_mismatch": "2006*",
    "source_photo_missing": "2007* 2009*",
    "liveness_failed": "2011*",
    "face_not_whole": "2013*",
    "device_unsupported": "2014*",
    "face_mismatch": "2016*",
}
# https://cloud.tencent.com/document/product/1007/47911 and https://cloud.tencent.com/document/product/1007/102203
PHOTO: Final = {
    "face_mismatch": "CompareLowSimilarity*",
    "identity_mismatch": "IdNameMisMatch*",
    "person_not_found": "IdFormatError IdNoExistSystem NameFormatError",
    "source_photo_missing": "IdPhotoNoExist IdPhotoPoorQuality",
    "attack_suspected": "LifePhotoDetectFake",
    "face_not_whole": "CoveredFace IncompleteFace LifePhotoDetectNoFaces",
    "capture_quality": "CompareFail EmptyImageError ImageBlur ImageDecodeFailed ImageSizeTooLarge "
    "LifePhotoDetectFaces LifePhotoPoorQuality LifePhotoSizeError PoorImageQuality",
}
# https://cloud.tencent.com/document/product/213/30435 and https://cloud.tencent.com/api/error-center?product=faceid
FAULTS: Final = {
    "provider_misconfigured": "ActionOffline AuthFailure.InvalidAuthorization AuthFailure.InvalidSecretId "
    "AuthFailure.MFAFailure AuthFailure.SecretIdNotFound AuthFailure.SignatureExpire AuthFailure.SignatureFailure "
    "AuthFailure.TokenFailure AuthFailure.UnauthorizedOperation DryRunOperation FailedOperation.StsUnAuthErrError "
    "InvalidAction InvalidParameter InvalidParameter.RuleId InvalidParameter.UnsupportEncryptField "
    "InvalidParameterValue InvalidParameterValue.BizTokenIllegal InvalidParameterValue.RuleIdDisabled "
    "InvalidParameterValue.RuleIdNotExist InvalidRequest IpInBlacklist IpNotInWhitelist MissingParameter NoSuchProduct "
    "NoSuchVersion OperationDenied RequestSizeLimitExceeded ResourceNotFound ResponseSizeLimitExceeded "
    "UnauthorizedOperation UnauthorizedOperation.ActivateError UnauthorizedOperation.Activating "
    "UnauthorizedOperation.NonAuthorize UnauthorizedOperation.Nonactivated UnknownParameter UnsupportedOperation "
    "UnsupportedProtocol UnsupportedRegion",
    "provider_arrears": "ResourceUnavailable.ChargeStatusException ResourceUnavailable.InArrears "
    "UnauthorizedOperation.Arrears UnauthorizedOperation.ChargeStatusException",
    "provider_daily_limit": "FailedOperation.IdentityAuthLimitExceeded",
    "provider_busy": "FailedOperation FailedOperation.CompareLibServiceUnavailable FailedOperation.CompareSystemError "
    "FailedOperation.DbError FailedOperation.DecryptSystemError FailedOperation.DetectEngineSystemError "
    "FailedOperation.DownLoadError FailedOperation.EncryptSystemError FailedOperation.FileSaveError "
    "FailedOperation.IdPhotoSystemNoanswer FailedOperation.RequestLimitExceeded FailedOperation.UnKnown InternalError "
    "InternalError.EncryptSystemError InternalError.UnKnown LimitExceeded RequestLimitExceeded "
    "RequestLimitExceeded.GlobalRegionUinLimitExceeded RequestLimitExceeded.IPLimitExceeded "
    "RequestLimitExceeded.UinLimitExceeded ResourceInUse ResourceInsufficient ResourceUnavailable ServiceUnavailable",
}
DECISIONS: Final = {
    "ok": FaceDecision.PASSED,
    "not_finished": FaceDecision.PENDING,
    "token_expired": FaceDecision.EXPIRED,
    "network": FaceDecision.ERROR,
    "provider_busy": FaceDecision.ERROR,
    "provider_misconfigured": FaceDecision.ERROR,
}


def rows(table: dict[str, str]) -> list[tuple[str, str, bool]]:
    """The table's codes, each with its reason and whether a star says that it is charged for."""
    return [
        (code.rstrip("*"), reason, code.endswith("*")) for reason, listed in table.items() for code in listed.split()
    ]


@pytest.mark.parametrize(("code", "reason", "charged"), rows(H5))
async def test_codes_of_pages(
    make: Make,
    vendor: Vendor,
    code: str,
    reason: str,
    charged: bool,  # noqa: FBT001 - a column of the table
) -> None:
    vendor.text = {"ErrCode": int(code)}

    result = await play(make(), request())

    assert (result.reason, result.decision) == (reason, DECISIONS.get(reason, FaceDecision.FAILED))
    assert (result.charged, result.provider_code) == (charged, code)
    assert result.match.passed == (reason == "ok")
    assert result.liveness.passed == (reason in ("ok", "face_mismatch"))


@pytest.mark.parametrize(("code", "reason", "charged"), rows(SDK))
async def test_codes_of_the_sdk(
    make: Make,
    vendor: Vendor,
    code: str,
    reason: str,
    charged: bool,  # noqa: FBT001 - a column of the table
) -> None:
    vendor.sdk = {"Result": code}

    result = await play(make(flow="sdk"), request())

    assert (result.reason, result.decision) == (reason, DECISIONS.get(reason, FaceDecision.FAILED))
    assert (result.charged, result.provider_code) == (charged, code)
    assert result.liveness.done == (reason in ("ok", "face_mismatch", "liveness_failed", "attack_suspected"))


@pytest.mark.parametrize("way", ["result", "error"])
@pytest.mark.parametrize(("word", "reason", "charged"), rows(PHOTO))
async def test_codes_of_photos_come_as_results_or_as_errors(
    make: Make,
    vendor: Vendor,
    word: str,
    reason: str,
    charged: bool,  # noqa: FBT001 - a column of the table
    way: str,
) -> None:
    code = f"FailedOperation.{word}"
    if way == "result":
        vendor.photo = {"Result": code, "Sim": 31.5}
    else:
        vendor.error = code

    result = await play(make(), request(FaceMode.PHOTO))

    assert (result.reason, result.decision) == (reason, FaceDecision.FAILED)
    assert (result.charged, result.provider_code) == (charged, code)
    assert not result.match.passed
    assert result.match.done == (reason == "face_mismatch")


@pytest.mark.parametrize("flow", ["h5", "sdk"])
async def test_a_token_that_the_vendor_has_forgotten_ends_the_check(make: Make, vendor: Vendor, flow: str) -> None:
    provider = make(flow=flow)
    start = await provider.start(request())
    vendor.error = "InvalidParameterValue.BizTokenExpired"

    result = await provider.result(start.provider_ref)

    assert (result.decision, result.reason) == (FaceDecision.EXPIRED, FaceReason.TOKEN_EXPIRED)
    assert not result.charged


@pytest.mark.parametrize(("code", "reason", "_"), rows(FAULTS))
async def test_faults_of_the_api_are_nobodys_failure(
    make: Make,
    vendor: Vendor,
    code: str,
    reason: str,
    _: bool,  # noqa: FBT001 - a column of the table
) -> None:
    page, sdk = make(), make(flow="sdk")
    refs = [(await provider.start(request())).provider_ref for provider in (page, sdk)]
    vendor.error = code

    for call in (
        partial(page.start, request()),
        partial(page.start, request(FaceMode.PHOTO)),
        partial(page.result, refs[0]),
        partial(sdk.start, request()),
        partial(sdk.result, refs[1]),
    ):
        with pytest.raises(FaceServiceUnavailable) as raised:
            await call()
        assert raised.value.reason == reason


async def test_a_photo_that_the_vendor_could_not_compare_is_nobodys_failure(make: Make, vendor: Vendor) -> None:
    vendor.photo = {"Result": "FailedOperation.IdPhotoSystemNoanswer"}

    with pytest.raises(FaceServiceUnavailable) as raised:
        await make().start(request(FaceMode.PHOTO))

    assert raised.value.reason is FaceReason.PROVIDER_BUSY


@pytest.mark.parametrize("code", [5, 18, 1009, 1999, 2018, 99999, -1])
async def test_an_unknown_code_is_nobodys_failure(make: Make, vendor: Vendor, code: int) -> None:
    vendor.text, vendor.sdk = {"ErrCode": code}, {"Result": str(code + 100000)}

    for flow in ("h5", "sdk"):
        with pytest.raises(FaceServiceUnavailable) as raised:
            await play(make(flow=flow), request())
        assert raised.value.reason not in COUNTED


@pytest.mark.parametrize("code", ["Nonsense", "", "Success", "FailedOperation.NeverHeardOf"])
async def test_an_unknown_error_is_nobodys_failure(make: Make, vendor: Vendor, code: str) -> None:
    vendor.error = code

    for mode in FaceMode:
        with pytest.raises(FaceServiceUnavailable) as raised:
            await make().start(request(mode))
        assert raised.value.reason in (FaceReason.NETWORK, FaceReason.PROVIDER_BUSY)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("302 Found", "network"),
        ("204 No Content", "network"),
        ("400 Bad Request", "provider_misconfigured"),
        ("403 Forbidden", "provider_misconfigured"),
        ("404 Not Found", "provider_misconfigured"),
        ("429 Too Many Requests", "provider_busy"),
        ("500 Internal Server Error", "provider_busy"),
        ("503 Service Unavailable", "provider_busy"),
    ],
)
async def test_an_http_status_says_whose_fault_it_is(make: Make, vendor: Vendor, status: str, reason: str) -> None:
    vendor.raw = says("", status)

    with pytest.raises(FaceServiceUnavailable) as raised:
        await make().start(request())

    assert raised.value.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        '"Response"',
        "{}",
        '{"Response": null}',
        '{"Response": []}',
        '{"Response": {}}',
        '{"Response": {"Error": "x"}}',
        '{"Response": {"Error": {}}}',
        '{"Response": {"BizToken": "", "Url": "x"}}',
        '{"Response": {"BizToken": "x", "Url": null}}',
        '{"Response": {"BizToken": 7, "Url": "x"}}',
        "[" * 100_000,
        '{"Response": {"BizToken": "' + "x" * 1_100_000 + '", "Url": "x"}}',
    ],
    ids=lambda body: body[:40],
)
async def test_what_is_no_answer_is_none(make: Make, vendor: Vendor, body: str) -> None:
    provider = make()
    start = await provider.start(request())
    vendor.raw = says(body)

    for mode in FaceMode:
        with pytest.raises(FaceServiceUnavailable):
            await provider.start(request(mode))
    with suppress(FaceServiceUnavailable):  # an answer without any text is one before the end
        assert (await provider.result(start.provider_ref)).decision is FaceDecision.PENDING


@pytest.mark.parametrize("text", [{"ErrCode": "0"}, {"ErrCode": False}, {"ErrCode": 0.5}, {"LivenessDetail": {}}])
async def test_a_result_of_another_shape_is_none(make: Make, vendor: Vendor, text: dict[str, object]) -> None:
    vendor.text = text

    with pytest.raises(FaceServiceUnavailable) as raised:
        await play(make(), request())

    told = "".join(traceback.format_exception(raised.value))
    assert NAME not in told
    assert NUMBER not in told


@pytest.mark.parametrize("way", ["silent", "drops", "gone"])
async def test_a_vendor_that_does_not_answer_in_time_is_given_up(vendor: Vendor, clock: MovableClock, way: str) -> None:
    options = vendor.options
    vendor.silent, vendor.drops = way == "silent", way == "drops"
    if way == "gone":
        await vendor.close()

    async with asyncio.timeout(10), joined(timeout=0.5) as client:
        with pytest.raises(FaceServiceUnavailable) as raised:
            await TencentFaceProvider(clock=clock, client=client, options=options).start(request())

    assert raised.value.reason is FaceReason.NETWORK


@pytest.mark.parametrize("minutes", [6, 600])
async def test_a_clock_that_is_wrong_is_a_fault_of_the_set_up(make: Make, clock: MovableClock, minutes: int) -> None:
    provider = make()
    start = await provider.start(request())
    clock.move(timedelta(minutes=minutes))

    for call in (
        partial(provider.start, request()),
        partial(provider.start, request(FaceMode.PHOTO)),
        partial(provider.result, start.provider_ref),
    ):
        with pytest.raises(FaceServiceUnavailable) as raised:
            await call()
        told = "".join(traceback.format_exception(raised.value))
        assert raised.value.reason is FaceReason.PROVIDER_MISCONFIGURED
        assert NAME not in told
        assert NUMBER not in told
        assert "vendor's customers" not in told


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "null",
        "[]",
        '{"flow": "told"}',
        '{"flow": "h6", "check_id": "00000000-0000-0000-0000-000000000000", "token": "x", "rule_id": "7"}',
        '{"flow": "told", "reason": "excellent", "at": "2026-01-01T00:00:00Z"}',
    ],
)
async def test_a_strange_reference_is_refused(make: Make, vendor: Vendor, reference: str) -> None:
    with pytest.raises(FaceServiceUnavailable):
        await make().result(reference)

    assert vendor.calls == []
    await make().cancel(reference)
