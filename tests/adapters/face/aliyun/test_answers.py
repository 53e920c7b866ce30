"""What is no answer of Alibaba Cloud, or one that says nothing of the person, is nobody's failure."""

import time
from datetime import timedelta

import orjson
import pytest

from app.adapters.face.aliyun import AliyunFaceProvider
from app.core.clock import MovableClock
from app.kit.stage import Fault
from app.ports.face import FaceMode, FaceReason, FaceServiceUnavailable
from tests.adapters.face.aliyun.asking import NAME, NUMBER, asked, fault_of
from tests.adapters.face.aliyun.vendor import AliyunVendor, response

OK = {"Code": "200", "Message": "success", "RequestId": "130A2C10"}
BEGUN = {"CertifyId": "91707dc296d469ad38e4c5efa6a0f24b"}
SAYS_WHO = f'{{"Code": "599", "Message": "{NAME} {NUMBER}"}}'.encode()


def said(**result: object) -> bytes:
    return orjson.dumps({**OK, "ResultObject": result})


class TestAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"null",
            b"[]",
            b'"200"',
            b"{}",
            b"\xff\xfe",
            b"<html>",
            b'{"Code": null}',
            b'{"Code": "OK"}',
            b'{"Code": "200"}',
            b'{"Code": "200", "ResultObject": null}',
            b'{"Code": "200", "ResultObject": []}',
            b'{"Code": "200", "ResultObject": {}}',
            b"[" * 100_000,
            said(CertifyId=""),
            said(CertifyId="../admin?a=b"),
            said(CertifyId="a" * 129),
            said(CertifyId=None),
            said(**BEGUN, CertifyUrl="javascript:alert(1)"),
            SAYS_WHO,
        ],
    )
    async def test_what_begins_nothing_is_not_understood(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, body: bytes
    ) -> None:
        vendor.raw = response(200, body)

        assert (await fault_of(provider)).reason is FaceReason.NETWORK

    @pytest.mark.parametrize(
        "body",
        [
            said(Passed="T", SubCode="204"),
            said(Passed="F", SubCode="200"),
            said(Passed="F", SubCode="210"),
            said(Passed="T", SubCode="299"),
            said(Passed="F", SubCode="299"),
            said(Passed="F", SubCode="220"),
            said(Passed="t", SubCode="200"),
            said(Passed="T"),
            said(SubCode="200"),
            said(Passed=True, SubCode="200"),
            said(Passed="T", SubCode=""),
            said(Passed="T", SubCode="Z5050"),
        ],
    )
    @pytest.mark.parametrize("mode", list(FaceMode))
    async def test_what_judges_nobody_is_not_understood(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, body: bytes, mode: FaceMode
    ) -> None:
        started = await provider.start(asked())
        vendor.raw = response(200, body)

        with pytest.raises(FaceServiceUnavailable) as raised:
            await (provider.result(started.provider_ref) if mode is FaceMode.LIVE else provider.start(asked(mode)))

        assert raised.value.reason is FaceReason.NETWORK

    async def test_codes_may_be_numbers(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> None:
        vendor.raw = response(200, orjson.dumps({"Code": 200, "ResultObject": {"Passed": "F", "SubCode": 204}}))

        result = await provider.result((await provider.start(asked(FaceMode.PHOTO))).provider_ref)

        assert result.reason is FaceReason.FACE_MISMATCH

    @pytest.mark.parametrize(
        ("status", "code", "reason"),
        [
            (400, "SignatureDoesNotMatch", FaceReason.PROVIDER_MISCONFIGURED),
            (400, "SignatureNonceUsed", FaceReason.PROVIDER_MISCONFIGURED),
            (404, "InvalidAccessKeyId.NotFound", FaceReason.PROVIDER_MISCONFIGURED),
            (400, "InvalidAccessKeyId.Inactive", FaceReason.PROVIDER_MISCONFIGURED),
            (400, "MissingCertName", FaceReason.PROVIDER_MISCONFIGURED),
            (403, "Forbidden.RAM", FaceReason.PROVIDER_MISCONFIGURED),
            (400, "Throttling.User", FaceReason.PROVIDER_BUSY),
            (400, "Throttling.Api", FaceReason.PROVIDER_BUSY),
            (429, "", FaceReason.PROVIDER_BUSY),
            (503, "ServiceUnavailable", FaceReason.PROVIDER_BUSY),
            (500, "InternalError", FaceReason.PROVIDER_BUSY),
            (502, "", FaceReason.PROVIDER_BUSY),
            (301, "", FaceReason.NETWORK),
            (204, "", FaceReason.NETWORK),
        ],
    )
    @pytest.mark.parametrize("said_how", ["json", "nothing", "html"])
    async def test_the_gateway_has_codes_of_its_own(
        self,
        vendor: AliyunVendor,
        provider: AliyunFaceProvider,
        status: int,
        code: str,
        reason: FaceReason,
        said_how: str,
    ) -> None:
        body = {"json": orjson.dumps({"Code": code, "HostId": "c"}), "nothing": b"", "html": b"<html>"}[said_how]
        vendor.raw = response(status, body if status != 204 else b"", "location: https://elsewhere.example/")

        fault = await fault_of(provider)

        tells = said_how == "json" or not code.startswith("Throttling")
        assert fault.reason is (reason if tells else FaceReason.PROVIDER_MISCONFIGURED)

    async def test_success_in_a_status_that_is_none_is_not_believed(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider
    ) -> None:
        vendor.raw = response(500, said(Passed="T", SubCode="200"))

        assert (await fault_of(provider, FaceMode.PHOTO)).reason is FaceReason.PROVIDER_BUSY


class TestLine:
    async def test_a_clock_that_is_wrong_is_our_mistake(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, clock: MovableClock
    ) -> None:
        clock.move(timedelta(minutes=16))

        fault = await fault_of(provider)

        assert vendor.refused == ["InvalidTimeStamp.Expired"]
        assert fault.reason is FaceReason.PROVIDER_MISCONFIGURED
        assert fault.__cause__ is None

    async def test_a_wrong_secret_is_our_mistake(self, vendor: AliyunVendor, clock: MovableClock) -> None:
        fault = await fault_of(vendor.made(clock, access_key_secret="another"))

        assert vendor.refused == ["SignatureDoesNotMatch"]
        assert fault.reason is FaceReason.PROVIDER_MISCONFIGURED

    @pytest.mark.parametrize("fault", [Fault.GONE, Fault.SILENT])
    async def test_a_vendor_that_is_not_there_is_the_networks_fault(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, fault: Fault
    ) -> None:
        await vendor.fail(fault)

        assert (await fault_of(provider)).reason is FaceReason.NETWORK

    async def test_an_answer_that_breaks_off_is_none(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> None:
        vendor.raw = response(200, said(**BEGUN))[:-10]

        assert (await fault_of(provider)).reason is FaceReason.NETWORK

    @pytest.mark.parametrize("raw", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 99999 x\r\n\r\n"])
    async def test_what_is_no_http_is_no_answer(
        self, vendor: AliyunVendor, provider: AliyunFaceProvider, raw: bytes
    ) -> None:
        vendor.raw = raw

        assert (await fault_of(provider)).reason is FaceReason.NETWORK

    async def test_a_huge_answer_is_not_read(self, vendor: AliyunVendor, provider: AliyunFaceProvider) -> None:
        vendor.raw = response(200, said(**BEGUN, More="x" * 300_000))

        assert (await fault_of(provider)).reason is FaceReason.NETWORK

    async def test_an_answer_that_drips_is_not_waited_for(self, vendor: AliyunVendor, clock: MovableClock) -> None:
        vendor.raw, vendor.drips, vendor.patience = b"HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n", True, 0.4
        began = time.monotonic()

        fault = await fault_of(vendor.made(clock))

        assert fault.reason is FaceReason.NETWORK
        assert time.monotonic() - began < 5
