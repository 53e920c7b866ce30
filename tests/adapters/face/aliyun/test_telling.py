"""What is told of Alibaba Cloud: to operators enough, of people nothing, of options no value."""

import logging

import orjson
import pytest
from structlog.testing import capture_logs

from app.adapters.face.aliyun import AliyunFaceProvider, Options
from app.adapters.face.options import read_options
from app.core.clock import MovableClock
from app.kit.playing import Keeping
from app.ports.face import FaceMode
from tests.adapters.face.aliyun.asking import NAME, NUMBER, PHOTO, asked, fault_of
from tests.adapters.face.aliyun.vendor import META_INFO, SECRET, AliyunVendor, response

SAYS_WHO = f'{{"Code": "599", "Message": "{NAME} {NUMBER}"}}'.encode()


class TestLog:
    async def test_the_operator_reads_which_code_it_was(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        vendor.start_code = "411"

        with capture_logs() as lines:
            await fault_of(provider)

        assert lines == [
            {
                "event": "aliyun_refused",
                "log_level": "warning",
                "code": "411",
                "sub_code": None,
                "reason": "provider_misconfigured",
            }
        ]

    async def test_a_judgement_in_no_table_is_written_down(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        vendor.sub_code = "221"

        with capture_logs() as lines:
            await fault_of(provider, FaceMode.PHOTO)

        assert [(line["code"], line["sub_code"]) for line in lines] == [("200", "221")]

    @pytest.mark.parametrize(
        ("code", "told"),
        [
            ("Forbidden.RAM", "Forbidden.RAM"),
            ("ContentSHA256NotMatched", "ContentSHA256NotMatched"),
            (NAME, ""),
            (NUMBER, ""),
            (f"No.{NUMBER}", ""),
            ("a" * 65, ""),
            ("", ""),
            (None, ""),
        ],
    )
    async def test_what_the_gateway_says_is_told_if_it_is_a_code(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, code: str | None, told: str
    ) -> None:
        vendor.raw = response(403, orjson.dumps({"Code": code, "Message": NAME}))

        with capture_logs() as lines:
            await fault_of(provider)

        assert [(line["event"], line["status"], line["code"]) for line in lines] == [
            ("aliyun_gateway_refused", 403, told)
        ]

    async def test_a_refusal_of_a_person_is_not(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> None:
        vendor.start_code = "417"

        with capture_logs() as lines:
            await provider.result((await provider.start(asked())).provider_ref)

        assert lines == []


class TestPrivacy:
    async def test_no_log_of_any_level_tells_the_person(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        lines: list[str] = []
        handler, root = Keeping(lines), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with capture_logs() as events:
                for mode in FaceMode:
                    await provider.result((await provider.start(asked(mode))).provider_ref)
                vendor.raw = response(400, SAYS_WHO)
                await fault_of(provider)
        finally:
            root.removeHandler(handler)
            root.setLevel(level)

        assert any("HTTP Request: POST" in line for line in lines)
        everything = "\n".join([*lines, *map(str, events)])
        picture = orjson.dumps(PHOTO.hex()).decode()[1:60]
        for personal in (NAME, "%E5%8F%A4", NUMBER, picture, "/9j/", "%2F9j%2F", SECRET, "zimVer"):
            assert personal not in everything

    @pytest.mark.parametrize("mode", list(FaceMode))
    async def test_references_and_client_parts_tell_nothing_of_the_person(
        self, provider: AliyunFaceProvider, mode: FaceMode
    ) -> None:
        started = await provider.start(asked(mode))

        for told in (started.provider_ref, str(started.client), repr(await provider.result(started.provider_ref))):
            assert not any(personal in told for personal in (NAME, NUMBER, META_INFO, SECRET))

    async def test_errors_do_not_repeat_what_the_vendor_said(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        vendor.raw = response(200, orjson.dumps({"Code": NUMBER, "Message": NAME}))

        error: BaseException | None = await fault_of(provider)

        while error is not None:
            assert NUMBER not in f"{error}{error!r}"
            assert NAME not in f"{error}{error!r}"
            error = error.__cause__

    def test_the_provider_does_not_show_its_secret(self, provider: AliyunFaceProvider) -> None:
        assert SECRET not in repr(vars(provider))


class TestOptions:
    @pytest.mark.parametrize("option", ["access_key_id", "access_key_secret", "scene_id"])
    def test_what_is_missing_is_named(self, vendor: AliyunVendor, clock: MovableClock, option: str) -> None:
        del vendor.options[option]

        with pytest.raises(LookupError, match=f"needs ESCARD_FACE_OPTIONS__ALIYUN__{option.upper()}"):
            vendor.made(clock)

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("access_key_id", "with a space"),
            ("access_key_id", ""),
            ("access_key_secret", ""),
            ("scene_id", "first"),
            ("scene_id", "0"),
            ("photo_scene_id", "-1"),
            ("product", "LR_FR"),
            ("photo_model", "none"),
            ("identity_in", "header"),
            ("endpoint", "http://cloudauth.aliyuncs.com"),
            ("endpoint", "https://cloudauth.aliyuncs.com/"),
            ("endpoint", "https://user:secret@cloudauth.aliyuncs.com"),
            ("endpoint", "https://cloudauth.aliyuncs.com:70000"),
            ("endpoint", "cloudauth.aliyuncs.com"),
            ("region", "cn-shanghai"),
        ],
    )
    def test_what_is_wrong_is_named_and_not_shown(
        self, vendor: AliyunVendor, clock: MovableClock, option: str, value: str
    ) -> None:
        with pytest.raises(LookupError, match=f"ESCARD_FACE_OPTIONS__ALIYUN__{option.upper()}") as raised:
            vendor.made(clock, **{option: value})

        assert len(value) < 3 or value not in str(raised.value)
        assert SECRET not in str(raised.value)

    def test_the_vendors_own_address_is_taken_by_itself(self, vendor: AliyunVendor) -> None:
        del vendor.options["endpoint"]

        options = read_options(Options, "aliyun", vendor.options)

        assert options.endpoint == "https://cloudauth.aliyuncs.com"
        assert (options.product, options.photo_model, options.identity_in) == ("ID_PRO", "NO_LIVENESS", "form")
