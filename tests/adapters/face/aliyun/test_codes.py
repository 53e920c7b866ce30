"""What the codes of Alibaba Cloud mean."""

import pytest

from app.adapters.face.aliyun import AliyunFaceProvider
from app.ports.face import (
    COUNTED,
    FaceDecision,
    FaceMode,
    FaceReason,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
)
from tests.adapters.face.aliyun.asking import LIVE, STILL, asked
from tests.adapters.face.aliyun.vendor import AliyunVendor

PASSED, FAILED, ERROR = FaceDecision.PASSED, FaceDecision.FAILED, FaceDecision.ERROR

# https://help.aliyun.com/zh/id-verification/financial-grade-id-verification/error-code
SUB_CODES = [
    ("200", PASSED, FaceReason.OK),
    ("201", FAILED, FaceReason.IDENTITY_MISMATCH),
    ("202", FAILED, FaceReason.PERSON_NOT_FOUND),
    ("203", FAILED, FaceReason.SOURCE_PHOTO_MISSING),
    ("204", FAILED, FaceReason.FACE_MISMATCH),
    ("205", FAILED, FaceReason.ATTACK_SUSPECTED),
    ("206", FAILED, FaceReason.POLICY_BLOCK),
    ("207", FAILED, FaceReason.FACE_MISMATCH),
    ("209", ERROR, FaceReason.PROVIDER_BUSY),
    ("210", PASSED, FaceReason.OK),
]
REFUSALS = [
    ("405", FAILED, FaceReason.POLICY_BLOCK),
    ("414", FAILED, FaceReason.DEVICE_UNSUPPORTED),
    ("415", FAILED, FaceReason.APP_OUTDATED),
    ("416", FAILED, FaceReason.DEVICE_UNSUPPORTED),
    ("417", FAILED, FaceReason.SOURCE_PHOTO_MISSING),
    ("418", ERROR, FaceReason.PROVIDER_DAILY_LIMIT),
    ("427", FAILED, FaceReason.POLICY_BLOCK),
]
FAULTS = [
    *((code, FaceReason.PROVIDER_MISCONFIGURED) for code in ("400", "401", "402", "404", "406", "410", "411")),
    *((code, FaceReason.PROVIDER_MISCONFIGURED) for code in ("420", "422", "423")),
    ("412", FaceReason.PROVIDER_ARREARS),
    ("500", FaceReason.PROVIDER_BUSY),
    ("599", FaceReason.NETWORK),  # in no table
    ("0", FaceReason.NETWORK),
]


class TestOneMode:
    @pytest.mark.parametrize("code", ["403", "424"])
    async def test_a_check_that_is_not_done_is_pending(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, code: str
    ) -> None:
        vendor.check_code = code

        result = await provider.result((await provider.start(asked())).provider_ref)

        assert (result.decision, result.reason) == (FaceDecision.PENDING, FaceReason.NOT_FINISHED)
        assert (result.provider_code, result.charged) == (code, False)

    @pytest.mark.parametrize(("code", "decision", "reason"), REFUSALS)
    async def test_a_check_can_end_for_what_the_person_or_the_device_is(
        self,
        vendor: AliyunVendor,
        provider: AliyunFaceProvider,
        code: str,
        decision: FaceDecision,
        reason: FaceReason,
    ) -> None:
        vendor.check_code = code

        result = await provider.result((await provider.start(asked())).provider_ref)

        assert (result.decision, result.reason, result.provider_code) == (decision, reason, code)

    @pytest.mark.parametrize(("code", "reason"), FAULTS)
    async def test_a_fault_while_it_is_asked_about_is_the_vendors(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, code: str, reason: FaceReason
    ) -> None:
        vendor.check_code = code
        started = await provider.start(asked())

        with pytest.raises(FaceServiceUnavailable) as raised:
            await provider.result(started.provider_ref)

        assert raised.value.reason is reason

    @pytest.mark.parametrize("code", ["419", "421"])
    async def test_a_bad_photo_can_be_taken_again(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, code: str
    ) -> None:
        vendor.start_code = code

        photo = await provider.result((await provider.start(asked(STILL))).provider_ref)
        portrait = await provider.result((await provider.start(asked())).provider_ref)

        assert (photo.decision, photo.reason) == (FAILED, FaceReason.CAPTURE_QUALITY)
        assert (portrait.decision, portrait.reason) == (FAILED, FaceReason.SOURCE_PHOTO_MISSING)

    @pytest.mark.parametrize("code", ["403", "424"])
    async def test_a_photo_is_never_pending(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, code: str
    ) -> None:
        vendor.start_code = code

        with pytest.raises(FaceServiceUnavailable):
            await provider.start(asked(STILL))


@pytest.mark.parametrize("mode", list(FaceMode))
class TestBothModes:
    @pytest.mark.parametrize(("sub_code", "decision", "reason"), SUB_CODES)
    async def test_each_judgement_is_told_in_our_words(
        self,
        vendor: AliyunVendor,
        provider: AliyunFaceProvider,
        mode: FaceMode,
        sub_code: str,
        decision: FaceDecision,
        reason: FaceReason,
    ) -> None:
        vendor.sub_code = sub_code

        result = await provider.result((await provider.start(asked(mode))).provider_ref)

        assert (result.decision, result.reason) == (decision, reason)
        assert (result.provider_code, result.charged) == (sub_code, True)

    @pytest.mark.parametrize(("code", "decision", "reason"), REFUSALS)
    async def test_a_start_that_is_refused_is_a_result(
        self,
        vendor: AliyunVendor,
        provider: AliyunFaceProvider,
        mode: FaceMode,
        code: str,
        decision: FaceDecision,
        reason: FaceReason,
    ) -> None:
        vendor.start_code = code

        started = await provider.start(asked(mode))
        result = await provider.result(started.provider_ref)

        assert (result.decision, result.reason, result.provider_code) == (decision, reason, code)
        assert not result.charged
        assert reason not in COUNTED
        assert (result.liveness, result.match) == (Liveness(done=False), Match(done=False))
        assert started.client == {"kind": "aliyun"}

    @pytest.mark.parametrize(("code", "reason"), FAULTS)
    async def test_a_start_that_fails_is_nobodys_result(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, mode: FaceMode, code: str, reason: FaceReason
    ) -> None:
        vendor.start_code = code

        with pytest.raises(FaceServiceUnavailable) as raised:
            await provider.start(asked(mode))

        assert raised.value.reason is reason


async def test_a_face_seen_alive_is_told_apart_from_a_picture(
    vendor: AliyunVendor, provider: AliyunFaceProvider
) -> None:
    vendor.sub_code = "204"

    live = await provider.result((await provider.start(asked())).provider_ref)
    still = await provider.result((await provider.start(asked(STILL))).provider_ref)

    assert live.liveness == Liveness(done=True, passed=True, kind="blink_and_shake")
    assert still.liveness == Liveness(done=False)
    assert live.match == still.match == Match(done=True, passed=False, source=MatchSource.REGISTER)


@pytest.mark.parametrize(
    ("sub_code", "live", "still"),
    [
        ("200", (True, True), (False, False)),
        ("201", (True, True), (False, False)),
        ("205", (True, False), (True, False)),
        ("206", (False, False), (False, False)),
    ],
)
async def test_life_was_looked_for_or_not(
    vendor: AliyunVendor,
    provider: AliyunFaceProvider,
    sub_code: str,
    live: tuple[bool, bool],
    still: tuple[bool, bool],
) -> None:
    vendor.sub_code = sub_code

    results = [await provider.result((await provider.start(asked(mode))).provider_ref) for mode in (LIVE, STILL)]

    assert [(result.liveness.done, result.liveness.passed) for result in results] == [live, still]
