"""What Alibaba Cloud is told, live and by photo, and what it is not."""

from datetime import timedelta

import pytest

from app.adapters.face.aliyun import AliyunFaceProvider
from app.core.clock import MovableClock
from app.kit.promises import PROMISES
from app.ports.face import FaceDecision, FaceMode, FaceReason, FaceServiceUnavailable
from tests.adapters.face.aliyun.asking import NAME, NUMBER, PHOTO, PORTRAIT, STILL, asked
from tests.adapters.face.aliyun.vendor import CALLBACK_URL, META_INFO, PHOTO_SCENE, SCENE, AliyunVendor, picture_of

FAILED = FaceDecision.FAILED


@pytest.mark.parametrize("promise", PROMISES)
async def test_it_keeps_what_every_provider_promises(vendor: AliyunVendor, promise: str) -> None:
    await PROMISES[promise](vendor)

    assert vendor.refused == []


class TestLive:
    async def test_a_check_begins_with_all_that_is_documented(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        request = asked()

        started = await provider.start(request)

        [call] = vendor.calls
        token = call.form.pop("CallbackToken")
        assert call.action == "InitFaceVerify"
        assert call.form == {
            "SceneId": SCENE,
            "OuterOrderNo": request.check_id.hex,
            "ProductCode": "ID_PRO",
            "Model": "MULTI_ACTION",
            "CertType": "IDENTITY_CARD",
            "CertName": NAME,
            "CertNo": NUMBER,
            "MetaInfo": META_INFO,
            "CallbackUrl": CALLBACK_URL,
        }
        assert len(token) == 64
        assert started.client.keys() == {"kind", "certify_id"}

    async def test_nothing_of_the_person_is_in_an_address(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        started = await provider.start(asked())
        await provider.result(started.provider_ref)
        await provider.start(asked(STILL))

        certify_id = started.client["certify_id"]
        assert [call.target for call in vendor.calls] == [
            "/",
            f"/?CertifyId={certify_id}&SceneId={SCENE}",
            "/?Model=NO_LIVENESS",
        ]

    async def test_parameters_may_stand_where_the_vendors_own_sdk_has_them(
        self, vendor: AliyunVendor, clock: MovableClock
    ) -> None:
        provider = vendor.made(clock, identity_in="query", product="PV_FV")

        await provider.start(asked())

        [call] = vendor.calls
        assert call.form.keys() == {"Model", "FaceContrastPicture"}
        assert call.query["MetaInfo"] == META_INFO
        assert vendor.refused == []

    async def test_the_portrait_is_given_where_it_is_what_is_compared_with(
        self, vendor: AliyunVendor, clock: MovableClock
    ) -> None:
        request = asked()

        await vendor.made(clock, product="PV_FV").start(request)

        [call] = vendor.calls
        assert picture_of(call) == PORTRAIT
        assert (call.form["ProductCode"], call.form["UserId"]) == ("PV_FV", request.check_id.hex)
        assert not {"CertName", "CertNo"} & call.given.keys()

    async def test_without_a_portrait_there_is_nothing_to_compare_with(
        self, vendor: AliyunVendor, clock: MovableClock
    ) -> None:
        provider = vendor.made(clock, product="PV_FV")

        result = await provider.result((await provider.start(asked(reference=None))).provider_ref)

        assert (result.decision, result.reason) == (FAILED, FaceReason.SOURCE_PHOTO_MISSING)
        assert not result.charged
        assert vendor.calls == []

    async def test_a_page_is_given_to_clients_that_come_back(self, vendor: AliyunVendor, clock: MovableClock) -> None:
        started = await vendor.made(clock, return_url="https://app.example/done").start(asked())

        assert vendor.calls[0].form["ReturnUrl"] == "https://app.example/done"
        assert started.client["url"] == f"https://t.aliyun.com/{started.client['certify_id']}"

    async def test_the_vendor_is_told_no_address_that_it_does_not_call(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        await provider.start(asked(callback_url="http://127.0.0.1:8000/v1/callbacks/face/aliyun"))

        assert not {"CallbackUrl", "CallbackToken"} & vendor.calls[0].given.keys()

    async def test_a_client_without_the_vendors_part_begins_nothing(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        with pytest.raises(FaceServiceUnavailable) as raised:
            await provider.start(asked(device_meta={"other": "x"}))

        assert raised.value.reason is FaceReason.PROVIDER_MISCONFIGURED
        assert vendor.calls == []

    async def test_a_repeated_start_has_the_same_order_number(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        request = asked()

        await provider.start(request)
        await provider.start(request)

        assert [call.form["OuterOrderNo"] for call in vendor.calls] == [request.check_id.hex] * 2
        assert vendor.calls[0].form["CallbackToken"] == vendor.calls[1].form["CallbackToken"]

    async def test_giving_up_calls_nobody(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> None:
        started = await provider.start(asked())

        await provider.cancel(started.provider_ref)

        assert len(vendor.calls) == 1


class TestPhoto:
    async def test_a_photo_is_judged_at_once(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> None:
        request = asked(STILL)

        started = await provider.start(request)
        await provider.result(started.provider_ref)

        [call] = vendor.calls
        assert call.action == "ContrastFaceVerify"
        assert picture_of(call) == PHOTO
        assert call.form | {"FaceContrastPicture": ""} == {
            "SceneId": PHOTO_SCENE,
            "OuterOrderNo": request.check_id.hex,
            "ProductCode": "ID_MIN",
            "CertType": "IDENTITY_CARD",
            "CertName": NAME,
            "CertNo": NUMBER,
            "FaceContrastPicture": "",
        }
        assert started.client == {"kind": "aliyun"}

    async def test_the_result_has_the_time_of_the_judgement(
        self, provider: AliyunFaceProvider, clock: MovableClock
    ) -> None:
        before = clock.now()
        started = await provider.start(asked(STILL))
        after = clock.now()

        clock.move(timedelta(hours=1))
        result = await provider.result(started.provider_ref)

        assert before <= result.occurred_at <= after

    async def test_one_scene_can_do_for_both(self, vendor: AliyunVendor, clock: MovableClock) -> None:
        del vendor.options["photo_scene_id"]

        await vendor.made(clock).start(asked(STILL))

        assert vendor.calls[0].form["SceneId"] == SCENE

    async def test_a_photo_can_be_looked_at_for_life(self, vendor: AliyunVendor, clock: MovableClock) -> None:
        await vendor.made(clock, photo_model="FRONT_CAMERA_LIVENESS").start(asked(STILL))

        assert vendor.calls[0].query == {"Model": "FRONT_CAMERA_LIVENESS"}


@pytest.mark.parametrize("mode", list(FaceMode))
class TestDocuments:
    @pytest.mark.parametrize("number", ["911840199001010018", "USA110190010108", "930123456789012345"])
    async def test_documents_that_the_vendor_does_not_know_are_not_sent(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, mode: FaceMode, number: str
    ) -> None:
        result = await provider.result((await provider.start(asked(mode, number=number))).provider_ref)

        assert (result.decision, result.reason) == (FAILED, FaceReason.SOURCE_PHOTO_MISSING)
        assert (result.provider_code, result.charged) == (None, False)
        assert vendor.calls == []

    @pytest.mark.parametrize("number", ["810000200001010014", "820000199912310022", "830000201006300035"])
    async def test_residence_permits_are_sent(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, mode: FaceMode, number: str
    ) -> None:
        await provider.start(asked(mode, number=number))

        assert vendor.calls[0].form["CertNo"] == number

    async def test_names_in_latin_letters_are_not_sent(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, mode: FaceMode
    ) -> None:
        await provider.start(asked(mode, name="MARIA 王"))

        assert vendor.calls == []
