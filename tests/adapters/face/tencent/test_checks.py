"""Checks with Tencent: what is sent for a page, for the SDK and for a photo, and what is made of the answers."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core.clock import MovableClock
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceMode,
    FaceReason,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
    ScoreBand,
)
from tests.adapters.face.tencent.asking import CALLBACK, NAME, NUMBER, PHOTO, PORTRAIT, Make, picture, play, request
from tests.adapters.face.tencent.vendor import Vendor, says


class TestPages:
    async def test_a_page_is_opened_for_the_person(self, make: Make, vendor: Vendor) -> None:
        asked = request()

        start = await make().start(asked)

        said = vendor.asked("DetectAuth")
        assert said == {
            "RuleId": "7",
            "IdCard": NUMBER,
            "Name": NAME,
            "RedirectUrl": f"{CALLBACK}?check={asked.check_id.hex}",
            "Extra": asked.check_id.hex,
            "ImageBase64": picture(PORTRAIT),
        }
        assert start.client["kind"] == "h5"
        assert start.client["url"] == f"https://open.faceid.qq.com/v1/api/auth?Token={start.client['token']}"

    async def test_a_pass_is_a_living_face_that_matches(self, make: Make, vendor: Vendor, clock: MovableClock) -> None:
        provider = make()
        start = await provider.start(request())
        clock.move(timedelta(seconds=40))
        before = clock.now()

        result = await provider.result(start.provider_ref)

        assert (result.decision, result.reason, result.charged) == (FaceDecision.PASSED, FaceReason.OK, True)
        assert result.liveness == Liveness(done=True, passed=True)
        assert result.match == Match(done=True, passed=True, source=MatchSource.REGISTER, score_band=ScoreBand.HIGH)
        assert (result.provider_ref, result.provider_code) == (start.provider_ref, "0")
        assert before <= result.occurred_at <= clock.now()
        assert vendor.asked("GetDetectInfoEnhanced") == {
            "BizToken": start.client["token"],
            "RuleId": "7",
            "InfoType": "1",
        }

    @pytest.mark.parametrize("text", [{"ErrCode": None}, {"ErrCode": 17}])
    async def test_what_is_not_finished_costs_nothing(self, make: Make, vendor: Vendor, text: dict[str, Any]) -> None:
        vendor.text = text | {"LiveStatus": None, "Comparestatus": None, "Sim": None}

        result = await play(make(), request())

        assert (result.decision, result.reason) == (FaceDecision.PENDING, FaceReason.NOT_FINISHED)
        assert not result.charged

    async def test_a_check_without_any_text_is_not_finished(self, make: Make, vendor: Vendor) -> None:
        provider = make()
        start = await provider.start(request())
        vendor.raw = says('{"Response": {"Text": null, "RequestId": "x"}}')

        assert (await provider.result(start.provider_ref)).decision is FaceDecision.PENDING

    @pytest.mark.parametrize(
        "text",
        [{"LiveStatus": None}, {"Comparestatus": None}, {"LiveStatus": 1002}, {"Comparestatus": 2016}],
    )
    async def test_nobody_passes_whose_face_was_not_looked_at_and_compared(
        self, make: Make, vendor: Vendor, text: dict[str, Any]
    ) -> None:
        vendor.text = text

        with pytest.raises(FaceServiceUnavailable) as raised:
            await play(make(), request())

        assert raised.value.reason is FaceReason.PROVIDER_MISCONFIGURED

    async def test_the_answer_about_another_check_is_none(self, make: Make, vendor: Vendor) -> None:
        vendor.text = {"Extra": uuid4().hex}

        with pytest.raises(FaceServiceUnavailable):
            await play(make(), request())

    @pytest.mark.parametrize(
        ("code", "attempts", "charged"),
        [
            (1002, [{"IsNeedCharge": False}], False),
            (1002, [{"IsNeedCharge": None}], True),
            (1003, [{"IsNeedCharge": False}, {"IsNeedCharge": True}], True),
            (1003, [], False),
        ],
    )
    async def test_a_charge_is_what_the_vendor_says_of_the_attempts(
        self,
        make: Make,
        vendor: Vendor,
        code: int,
        attempts: list[dict[str, Any]],
        charged: bool,  # noqa: FBT001 - a column of the table
    ) -> None:
        vendor.text = {"ErrCode": code, "LivenessDetail": attempts}

        assert (await play(make(), request())).charged == charged

    @pytest.mark.parametrize(
        ("similarity", "band"),
        [("80", "high"), ("79.99", "medium"), ("70.00", "medium"), ("69.9", "low"), (0, "low"), ("?", None)],
    )
    async def test_a_score_is_told_as_a_band(
        self, make: Make, vendor: Vendor, similarity: object, band: str | None
    ) -> None:
        vendor.text = {"ErrCode": 2016, "Comparestatus": 2016, "Sim": similarity}

        result = await play(make(), request())

        assert result.match.score_band == band
        assert "79.99" not in repr(result)

    async def test_without_a_portrait_nothing_is_asked(self, make: Make, vendor: Vendor) -> None:
        result = await play(make(), request(reference=None))

        assert (result.decision, result.reason) == (FaceDecision.FAILED, FaceReason.SOURCE_PHOTO_MISSING)
        assert not result.charged
        assert vendor.calls == []

    @pytest.mark.parametrize("portrait", [PORTRAIT, None], ids=["unused", "none"])
    async def test_a_rule_that_asks_the_vendors_library_gets_no_portrait(
        self, make: Make, vendor: Vendor, portrait: bytes | None
    ) -> None:
        result = await play(make(compare="library"), request(reference=portrait))

        assert result.decision is FaceDecision.PASSED
        assert "ImageBase64" not in vendor.asked("DetectAuth")

    async def test_a_check_is_read_by_the_rule_it_began_with(self, make: Make, vendor: Vendor) -> None:
        start = await make().start(request())

        result = await make(rule_id="8", flow="sdk").result(start.provider_ref)

        assert result.decision is FaceDecision.PASSED
        assert vendor.asked("GetDetectInfoEnhanced")["RuleId"] == "7"


class TestSdk:
    async def test_a_token_is_for_the_portrait_where_there_is_one(self, make: Make, vendor: Vendor) -> None:
        asked = request(device_meta={"meta": "of the SDK", "other": "thing"})

        start = await make(flow="sdk").start(asked)

        assert vendor.asked("GetFaceIdToken") == {
            "CompareLib": "LOCAL",
            "ImageBase64": picture(PORTRAIT),
            "Meta": "of the SDK",
            "Extra": asked.check_id.hex,
            "RuleId": "7",
        }
        assert start.client == {"kind": "sdk", "token": next(iter(vendor.began))}

    @pytest.mark.parametrize(
        ("compare", "portrait"),
        [("portrait", None), ("library", PORTRAIT), ("library", None)],
        ids=["none", "unused", "neither"],
    )
    async def test_else_it_is_for_name_and_number_in_the_vendors_library(
        self, make: Make, vendor: Vendor, compare: str, portrait: bytes | None
    ) -> None:
        asked = request(reference=portrait)

        await make(flow="sdk", compare=compare, rule_id="").start(asked)

        assert vendor.asked("GetFaceIdToken") == {
            "CompareLib": "BUSINESS",
            "IdCard": NUMBER,
            "Name": NAME,
            "Extra": asked.check_id.hex,
        }

    async def test_a_pass_is_a_living_face_that_matches(self, make: Make, vendor: Vendor) -> None:
        provider = make(flow="sdk")
        start = await provider.start(request())

        result = await provider.result(start.provider_ref)

        assert (result.decision, result.reason, result.charged) == (FaceDecision.PASSED, FaceReason.OK, True)
        assert result.liveness == Liveness(done=True, passed=True)
        assert result.match == Match(done=True, passed=True, source=MatchSource.REGISTER, score_band=ScoreBand.HIGH)
        assert vendor.asked("GetFaceIdResult") == {"FaceIdToken": start.client["token"]}

    @pytest.mark.parametrize("code", [None, "", "17"])
    async def test_what_is_not_finished_costs_nothing(self, make: Make, vendor: Vendor, code: str | None) -> None:
        vendor.sdk = {"Result": code, "Similarity": None}

        result = await play(make(flow="sdk"), request())

        assert (result.decision, result.charged) == (FaceDecision.PENDING, False)

    @pytest.mark.parametrize("said", [{"Extra": uuid4().hex}, {"Result": "passed"}, {"Result": "-999"}, {"Result": 0}])
    async def test_what_is_not_understood_is_no_answer(self, make: Make, vendor: Vendor, said: dict[str, Any]) -> None:
        vendor.sdk = said

        with pytest.raises(FaceServiceUnavailable):
            await play(make(flow="sdk"), request())


class TestPhotos:
    async def test_a_photo_is_compared_at_once_and_never_again(
        self, make: Make, vendor: Vendor, clock: MovableClock
    ) -> None:
        provider = make()

        start = await provider.start(request(FaceMode.PHOTO))
        clock.move(timedelta(days=1))
        result = await provider.result(start.provider_ref)

        assert [action for action, _ in vendor.calls] == ["ImageRecognitionV2"]
        assert vendor.asked("ImageRecognitionV2") == {"IdCard": NUMBER, "Name": NAME, "ImageBase64": picture(PHOTO)}
        assert start.client == {}
        assert (result.decision, result.reason, result.charged) == (FaceDecision.PASSED, FaceReason.OK, True)
        assert result.liveness == Liveness(done=False)
        assert result.match == Match(done=True, passed=True, source=MatchSource.REGISTER, score_band=ScoreBand.HIGH)
        assert clock.now() - result.occurred_at >= timedelta(days=1)

    @pytest.mark.parametrize(
        ("similarity", "least", "reason"),
        [(70.0, "70", "ok"), (69.99, "70", "face_mismatch"), (84, "85", "face_mismatch"), (85, "85", "ok")],
    )
    async def test_a_success_below_the_line_is_a_mismatch(
        self,
        make: Make,
        vendor: Vendor,
        similarity: float,
        least: str,
        reason: str,
    ) -> None:
        vendor.photo = {"Sim": similarity}

        result = await play(make(photo_similarity=least), request(FaceMode.PHOTO))

        assert result.reason == reason
        assert result.match.passed == (reason == "ok")
        assert result.charged

    @pytest.mark.parametrize("said", [{"Sim": None}, {"Result": None}, {"Sim": "89.88"}, {"Result": "Succeeded"}])
    async def test_what_is_not_understood_is_no_answer(self, make: Make, vendor: Vendor, said: dict[str, Any]) -> None:
        vendor.photo = said

        with pytest.raises(FaceServiceUnavailable):
            await make().start(request(FaceMode.PHOTO))

    async def test_without_a_photo_nothing_is_asked(self, make: Make, vendor: Vendor) -> None:
        with pytest.raises(FaceServiceUnavailable):
            await make().start(request(FaceMode.PHOTO, photo=None))

        assert vendor.calls == []

    async def test_a_vendor_that_is_gone_changes_no_result(self, make: Make, vendor: Vendor) -> None:
        provider = make()
        start = await provider.start(request(FaceMode.PHOTO))
        await vendor.close()

        assert (await provider.result(start.provider_ref)).decision is FaceDecision.PASSED


class TestCallbacks:
    @pytest.mark.parametrize("word", ["hex", "urn"])
    async def test_coming_back_is_a_hint(self, make: Make, word: str) -> None:
        check_id = uuid4()
        back = {"check": check_id.hex if word == "hex" else str(check_id), "BizToken": "whatever"}

        event = make().event_of(FaceCallback(back, {}, b""))

        assert event == FaceEvent(check_id, check_id.hex)

    @pytest.mark.parametrize("query", [{}, {"check": ""}, {"check": "7"}, {"BizToken": "x"}, {"check": "ü" * 32}])
    async def test_what_names_no_check_is_none(self, make: Make, query: dict[str, str]) -> None:
        assert make().event_of(FaceCallback(query, {}, b"{}")) is None

    async def test_an_address_with_a_question_mark_keeps_what_stands_there(self, make: Make, vendor: Vendor) -> None:
        asked = request(callback_url=f"{CALLBACK}?channel=app")

        await make().start(asked)

        assert vendor.asked("DetectAuth")["RedirectUrl"] == f"{CALLBACK}?channel=app&check={asked.check_id.hex}"
