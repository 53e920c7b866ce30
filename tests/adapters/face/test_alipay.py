"""Alipay's certification against a gateway that verifies each request and signs each answer by itself."""

import asyncio
import base64
import json
import logging
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from app.adapters.demo_pictures import portrait_photo
from app.adapters.face.alipay import AlipayFaceProvider
from app.core.clock import MovableClock
from app.kit.promises import PROMISES, Promise
from app.kit.stage import Fault
from app.ports.face import (
    COUNTED,
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceMode,
    FaceReason,
    FaceRequest,
    FaceServiceUnavailable,
    Liveness,
    Match,
    MatchSource,
)
from tests.adapters.face import alipay_gateway
from tests.adapters.face.alipay_gateway import (
    APP_ID,
    INITIALIZE,
    QUERY,
    RETURN_URL,
    AlipayGateway,
    alipay_key,
    another_key,
    answer,
    answer_of_text,
    application_key,
    is_signed,
    private_text,
    public_text,
    refused,
    signature,
    text_of,
)

NAME, NUMBER, PICTURE = "古丽·买买提", "100101199001010048", portrait_photo(1)
CHECK_ID = UUID("5b1a5f9c-0a3e-8d6f-9c1b-2f4e6a8c0d1e")
REQUEST = FaceRequest(
    check_id=CHECK_ID,
    mode=FaceMode.LIVE,
    name=NAME,
    number=NUMBER,
    reference=PICTURE,
    photo=None,
    device_meta={},
    callback_url="https://escard.example/v1/callbacks/face/alipay",
)
DAY = timedelta(hours=23)


@pytest.fixture
async def gateway() -> AsyncIterator[AlipayGateway]:
    async with alipay_gateway.stage() as gateway:
        yield gateway


@pytest.fixture
def clock(gateway: AlipayGateway) -> MovableClock:
    """One clock for us and for Alipay."""
    gateway.clock = clock = MovableClock()
    return clock


@pytest.fixture
def alipay(gateway: AlipayGateway, clock: MovableClock) -> AlipayFaceProvider:
    return AlipayFaceProvider(clock=clock, client=gateway.client, options=gateway.options)


async def _reason(alipay: AlipayFaceProvider, provider_ref: str | None = None) -> FaceReason:
    """Why a start, or a question about a check, has no answer."""
    with pytest.raises(FaceServiceUnavailable) as raised:
        await (alipay.start(REQUEST) if provider_ref is None else alipay.result(provider_ref))
    return raised.value.reason


@pytest.mark.parametrize("promise", PROMISES.values(), ids=list(PROMISES))
async def test_it_keeps_the_promise(promise: Promise) -> None:
    async with alipay_gateway.stage() as stage:
        await promise(stage)


def test_a_package_installed_offers_it() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    module, _, name = project["project"]["entry-points"]["escard.face_providers"]["alipay"].partition(":")

    assert getattr(import_module(module), name) is AlipayFaceProvider


async def test_a_start_tells_alipay_whom_to_look_for(alipay: AlipayFaceProvider, gateway: AlipayGateway) -> None:
    await alipay.start(REQUEST)

    (call,) = gateway.calls
    assert call.method == INITIALIZE
    assert call.content == {
        "outer_order_no": CHECK_ID.hex,
        "biz_code": "FACE",
        "identity_param": {
            "identity_type": "CERT_INFO",
            "cert_type": "IDENTITY_CARD",
            "cert_name": NAME,
            "cert_no": NUMBER,
        },
        "merchant_config": {"return_url": RETURN_URL, "face_reserve_strategy": "never"},
        "face_contrast_picture": base64.b64encode(PICTURE).decode(),
    }


async def test_the_person_gets_a_signed_address(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, clock: MovableClock
) -> None:
    started = await alipay.start(REQUEST)

    client = dict(started.client)
    address = urlsplit(client["url"])
    parameters = dict(parse_qsl(address.query, strict_parsing=True))
    assert client["kind"] == "alipay"
    assert f"{address.scheme}://{address.netloc}{address.path}" == gateway.options["endpoint"]
    assert is_signed(application_key(), text_of(parameters, "sign"), parameters.pop("sign"))
    signed_at = datetime.fromisoformat(parameters.pop("timestamp") + "+08:00")
    assert abs(clock.now() - signed_at) < timedelta(seconds=10)
    assert parameters == {
        "app_id": APP_ID,
        "method": "alipay.user.certify.open.certify",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "version": "1.0",
        "biz_content": json.dumps({"certify_id": client["certify_id"]}, separators=(",", ":")),
        "return_url": RETURN_URL,
        "notify_url": f"{REQUEST.callback_url}?check_id={CHECK_ID}",
    }
    app = parse_qs(urlsplit(client["app_url"]).query, strict_parsing=True)
    assert (client["app_url"].partition("?")[0], app) == (
        "alipays://platformapi/startapp",
        {"appId": ["20000067"], "url": [client["url"]]},
    )
    assert len(gateway.calls) == 1


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("11010519491231002X", "IDENTITY_CARD"),
        ("810000200001010014", "RESIDENCE_PERMIT_HK_MC"),
        ("820000199912310022", "RESIDENCE_PERMIT_HK_MC"),
        ("830000201006300035", "RESIDENCE_PERMIT_TAIWAN"),
        ("911840199001010018", "IDENTITY_CARD"),
    ],
)
async def test_the_number_says_what_document_it_is(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, number: str, kind: str
) -> None:
    await alipay.start(replace(REQUEST, number=number))

    assert gateway.calls[0].content["identity_param"]["cert_type"] == kind


@pytest.mark.parametrize(("picture", "is_sent"), [(None, False), (b"x" * 786_432, True), (b"x" * 786_433, False)])
async def test_a_picture_that_alipay_does_not_take_stays_here(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, picture: bytes | None, *, is_sent: bool
) -> None:
    await alipay.start(replace(REQUEST, reference=picture))

    assert ("face_contrast_picture" in gateway.calls[0].content) == is_sent


async def test_another_kind_of_certification_can_be_chosen(gateway: AlipayGateway) -> None:
    options = {**gateway.options, "biz_code": "SMART_FACE"}

    await AlipayFaceProvider(clock=MovableClock(), client=gateway.client, options=options).start(REQUEST)

    assert gateway.calls[0].content["biz_code"] == "SMART_FACE"


@pytest.mark.parametrize("passed", ["T", ["T"]], ids=["text", "list"])
async def test_t_has_passed_and_is_charged(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, clock: MovableClock, passed: object
) -> None:
    started = await alipay.start(REQUEST)
    gateway.say = lambda call: answer(call.method, {"code": "10000", "passed": passed, "material_info": "{}"})

    result = await alipay.result(started.provider_ref)

    assert (result.decision, result.reason, result.provider_code) == (FaceDecision.PASSED, FaceReason.OK, "T")
    assert result.liveness == Liveness(done=True, passed=True, kind="multi_factor")
    assert result.match == Match(done=True, passed=True, source=MatchSource.REGISTER)
    assert result.charged
    assert timedelta() <= clock.now() - result.occurred_at < timedelta(seconds=10)


@pytest.mark.parametrize("passed", ["F", ["F"]], ids=["text", "list"])
async def test_f_is_not_finished_and_expires_with_the_certification(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, clock: MovableClock, passed: object
) -> None:
    started = await alipay.start(REQUEST)
    gateway.say = lambda call: answer(call.method, {"code": "10000", "passed": passed, "fail_reason": "Z1147"})

    before = await alipay.result(started.provider_ref)
    clock.move(DAY - timedelta(minutes=1))
    late = await alipay.result(started.provider_ref)
    clock.move(timedelta(minutes=1))
    over = await alipay.result(started.provider_ref)

    assert [each.decision for each in (before, late, over)] == [
        FaceDecision.PENDING,
        FaceDecision.PENDING,
        FaceDecision.EXPIRED,
    ]
    assert [each.reason for each in (late, over)] == [FaceReason.NOT_FINISHED, FaceReason.TOKEN_EXPIRED]
    assert not any(each.charged or each.liveness.done or each.match.done for each in (before, late, over))
    assert over.reason not in COUNTED


async def test_t_passes_however_late_it_is_asked_for(alipay: AlipayFaceProvider, clock: MovableClock) -> None:
    started = await alipay.start(REQUEST)
    clock.move(10 * DAY)

    result = await alipay.result(started.provider_ref)

    assert result.decision is FaceDecision.PASSED


async def test_what_alipay_has_forgotten_has_expired_when_its_time_is_over(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, clock: MovableClock
) -> None:
    started = await alipay.start(REQUEST)
    gateway.refusal = refused("40004", "OPEN_CERTIFY_BILL_NOT_EXIST")

    before = await _reason(alipay, started.provider_ref)
    clock.move(DAY)
    over = await alipay.result(started.provider_ref)

    assert before is FaceReason.PROVIDER_MISCONFIGURED
    assert (over.decision, over.reason) == (FaceDecision.EXPIRED, FaceReason.TOKEN_EXPIRED)
    assert over.provider_code == "OPEN_CERTIFY_BILL_NOT_EXIST"


async def test_what_anybody_says_is_forgotten_does_not_end_a_check(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, clock: MovableClock
) -> None:
    started = await alipay.start(REQUEST)
    gateway.refusal, gateway.signs_refusals = refused("40004", "OPEN_CERTIFY_BILL_NOT_EXIST"), False
    clock.move(DAY)

    assert await _reason(alipay, started.provider_ref) is FaceReason.PROVIDER_MISCONFIGURED


REFUSALS = [
    ("20000", "isp.unknow-error", FaceReason.PROVIDER_BUSY),
    ("20000", "aop.unknow-error", FaceReason.PROVIDER_BUSY),
    ("20001", "aop.invalid-auth-token", FaceReason.PROVIDER_MISCONFIGURED),
    ("20001", "aop.invalid-app-auth-token-no-api", FaceReason.PROVIDER_MISCONFIGURED),
    ("40001", "isv.missing-method", FaceReason.PROVIDER_MISCONFIGURED),
    ("40001", "isv.missing-signature-key", FaceReason.PROVIDER_MISCONFIGURED),
    ("40002", "isv.invalid-signature", FaceReason.PROVIDER_MISCONFIGURED),
    ("40002", "isv.invalid-app-id", FaceReason.PROVIDER_MISCONFIGURED),
    ("40002", "isv.invalid-timestamp", FaceReason.PROVIDER_MISCONFIGURED),
    ("40002", "isv.forbidden-api", FaceReason.PROVIDER_MISCONFIGURED),
    ("40003", "isv.missing-signature-config", FaceReason.PROVIDER_MISCONFIGURED),
    ("40005", "isv.app-call-limited", FaceReason.PROVIDER_BUSY),
    ("40005", "isv.method-call-limited", FaceReason.PROVIDER_BUSY),
    ("40006", "isv.insufficient-isv-permissions", FaceReason.PROVIDER_MISCONFIGURED),
    ("40006", "isv.insufficient-user-permissions", FaceReason.PROVIDER_MISCONFIGURED),
    ("40004", "OPEN_CERTIFY_BILL_NOT_EXIST", FaceReason.PROVIDER_MISCONFIGURED),
    ("40004", "ILLEGAL_ARGUMENT_FORMAT", FaceReason.PROVIDER_MISCONFIGURED),
    ("40004", "unknown-sub-code", FaceReason.PROVIDER_MISCONFIGURED),
    ("40004", "SOMETHING_NEW", FaceReason.NETWORK),
    ("40007", "isv.something-new", FaceReason.NETWORK),
]


@pytest.mark.parametrize(("code", "sub_code", "reason"), REFUSALS)
async def test_a_refusal_signed_or_not_is_nobodys_failure(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, code: str, sub_code: str, reason: FaceReason
) -> None:
    started = await alipay.start(REQUEST)
    gateway.refusal = refused(code, sub_code)

    signed = [await _reason(alipay), await _reason(alipay, started.provider_ref)]
    gateway.signs_refusals = False
    unsigned = [await _reason(alipay), await _reason(alipay, started.provider_ref)]

    assert {*signed, *unsigned} == {reason}


PASSED = '{"code":"10000","msg":"Success","passed":"T"}'
FAILED = PASSED.replace("T", "F")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (answer_of_text(QUERY, PASSED, None), FaceReason.NETWORK),
        (answer_of_text(QUERY, PASSED, ""), FaceReason.PROVIDER_MISCONFIGURED),
        (answer_of_text(QUERY, PASSED, signature(application_key(), PASSED)), FaceReason.PROVIDER_MISCONFIGURED),
        (answer_of_text(QUERY, PASSED, signature(alipay_key(), FAILED)), FaceReason.PROVIDER_MISCONFIGURED),
        (
            answer_of_text(QUERY, PASSED + " ", signature(alipay_key(), PASSED + " \n")),
            FaceReason.PROVIDER_MISCONFIGURED,
        ),
        (answer_of_text(INITIALIZE, PASSED, signature(alipay_key(), PASSED)), FaceReason.NETWORK),
        (answer(QUERY, {"code": "10000"}), FaceReason.NETWORK),
        (answer(QUERY, {"code": "10000", "passed": "t"}), FaceReason.NETWORK),
        (answer(QUERY, {"code": "10000", "passed": ["T", "F"]}), FaceReason.NETWORK),
        (answer(QUERY, {"code": 10000, "passed": "T"}), FaceReason.NETWORK),
        (answer(QUERY, {"passed": "T"}), FaceReason.NETWORK),
        (b"", FaceReason.NETWORK),
        (b"null", FaceReason.NETWORK),
        (b"<html>\xc9\xd4\xba\xf3</html>", FaceReason.NETWORK),
        (b"[" * 100_000, FaceReason.NETWORK),
        (answer(QUERY, {"code": "10000", "passed": "T", "material_info": "x" * 4_194_304}), FaceReason.NETWORK),
    ],
    ids=[
        "unsigned",
        "signature-empty",
        "signed-by-somebody",
        "altered",
        "space-between-altered",
        "of-another-method",
        "says-nothing",
        "says-something-new",
        "says-both",
        "code-a-number",
        "no-code",
        "empty",
        "null",
        "page",
        "deep",
        "huge",
    ],
)
async def test_what_is_not_alipays_answer_is_none(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, body: bytes, reason: FaceReason
) -> None:
    started = await alipay.start(REQUEST)
    gateway.say = lambda _: body

    assert await _reason(alipay, started.provider_ref) is reason


@pytest.mark.parametrize("certify_id", [None, "", 7, "a b", "../x", "x" * 65, "é"])
async def test_a_strange_certification_is_none(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, certify_id: object
) -> None:
    gateway.say = lambda call: answer(call.method, {"code": "10000", "certify_id": certify_id})

    assert await _reason(alipay) is FaceReason.NETWORK


@pytest.mark.parametrize("status", [302, 400, 403, 404, 429, 500, 502, 503])
async def test_a_status_that_is_no_success_is_no_answer(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, status: int
) -> None:
    started = await alipay.start(REQUEST)
    gateway.status = status

    assert await _reason(alipay) is FaceReason.NETWORK
    assert await _reason(alipay, started.provider_ref) is FaceReason.NETWORK


@pytest.mark.parametrize("fault", [Fault.GONE, Fault.SILENT])
async def test_a_gateway_that_is_gone_or_silent_is_no_answer(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, fault: Fault
) -> None:
    started = await alipay.start(REQUEST)
    await gateway.fail(fault)

    assert await _reason(alipay, started.provider_ref) is FaceReason.NETWORK


@pytest.mark.parametrize("by", [timedelta(minutes=11), timedelta(days=400)])
async def test_a_clock_that_is_wrong_is_our_fault_and_told_to_nobody(
    gateway: AlipayGateway, by: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    ours = MovableClock()
    ours.move(by)
    alipay = AlipayFaceProvider(clock=ours, client=gateway.client, options=gateway.options)

    with capture_logs() as events, caplog.at_level(logging.DEBUG):
        reason = await _reason(alipay)

    assert reason is FaceReason.PROVIDER_MISCONFIGURED
    assert [event["sub_code"] for event in events] == ["isv.invalid-timestamp"]
    assert not any(personal in caplog.text + str(events) for personal in (NAME, NUMBER, "Refused", "说明"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_id": "2021000000000000"},
        {"private_key": private_text(another_key())},
        {"alipay_public_key": public_text(another_key())},
    ],
    ids=["application", "private-key", "alipays-key"],
)
async def test_options_that_do_not_belong_together_are_noticed(gateway: AlipayGateway, wrong: dict[str, str]) -> None:
    options = {**gateway.options, **wrong}
    alipay = AlipayFaceProvider(clock=MovableClock(), client=gateway.client, options=options)

    assert await _reason(alipay) is FaceReason.PROVIDER_MISCONFIGURED


OPTIONS = {
    "app_id": APP_ID,
    "private_key": private_text(application_key()),
    "alipay_public_key": public_text(alipay_key()),
    "return_url": RETURN_URL,
}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"app_id": None}, "needs ESCARD_FACE_OPTIONS__ALIPAY__APP_ID"),
        ({"private_key": None}, "needs ESCARD_FACE_OPTIONS__ALIPAY__PRIVATE_KEY"),
        ({"alipay_public_key": None}, "needs ESCARD_FACE_OPTIONS__ALIPAY__ALIPAY_PUBLIC_KEY"),
        ({"return_url": None}, "needs ESCARD_FACE_OPTIONS__ALIPAY__RETURN_URL"),
        ({"colour": "blue"}, "does not know ESCARD_FACE_OPTIONS__ALIPAY__COLOUR"),
        ({"private_key": "MIIBroken"}, "PRIVATE_KEY: it is no RSA private key of 2048 bits or more, in PEM or base64"),
        ({"alipay_public_key": "MIIBroken"}, "ALIPAY_PUBLIC_KEY: it is no RSA public key of 2048 bits or more"),
        ({"alipay_public_key": public_text(application_key())}, "ALIPAY_PUBLIC_KEY: it is the application's own"),
        ({"return_url": "nowhere"}, "cannot read ESCARD_FACE_OPTIONS__ALIPAY__RETURN_URL"),
        ({"biz_code": "CERT_PHOTO"}, "cannot read ESCARD_FACE_OPTIONS__ALIPAY__BIZ_CODE"),
        ({"endpoint": "http://openapi.alipay.com/gateway.do"}, "cannot read ESCARD_FACE_OPTIONS__ALIPAY__ENDPOINT"),
        ({"endpoint": "https://a/gateway.do?x=1"}, "cannot read ESCARD_FACE_OPTIONS__ALIPAY__ENDPOINT"),
    ],
)
async def test_wrong_options_end_the_start_in_words(given: dict[str, str | None], words: str) -> None:
    options = {name: value for name, value in {**OPTIONS, **given}.items() if value is not None}

    async with httpx.AsyncClient() as client:
        with pytest.raises(LookupError) as raised:
            AlipayFaceProvider(clock=MovableClock(), client=client, options=options)

    assert words in str(raised.value)
    assert not any(value in str(raised.value) for value in ("MIIBroken", OPTIONS["private_key"], "nowhere"))


def _callback(notice: dict[str, str], query: dict[str, str] | None = None) -> FaceCallback:
    return FaceCallback({"check_id": str(CHECK_ID)} if query is None else query, {}, urlencode(notice).encode())


def test_a_notice_names_its_check(alipay: AlipayFaceProvider, gateway: AlipayGateway) -> None:
    event = alipay.event_of(_callback(gateway.notice()))

    assert event == FaceEvent(CHECK_ID, "2026112200222141714026431019971405")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_an_old_or_future_notice_is_none(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, clock: MovableClock, minutes: int
) -> None:
    clock.move(timedelta(hours=1))
    notice = gateway.notice()
    clock.advance -= timedelta(minutes=minutes)

    assert alipay.event_of(_callback(notice)) is None


@pytest.mark.parametrize(
    ("other", "query"),
    [
        ({"app_id": "2021000000000000"}, None),
        ({"notify_time": "yesterday"}, None),
        ({}, {}),
        ({}, {"check_id": "7"}),
    ],
    ids=["of-another-application", "without-a-time", "of-no-check", "of-a-strange-check"],
)
def test_a_notice_that_does_not_fit_is_none(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, other: dict[str, str], query: dict[str, str] | None
) -> None:
    assert alipay.event_of(_callback(gateway.notice(**other), query)) is None


def test_an_altered_notice_is_none(alipay: AlipayFaceProvider, gateway: AlipayGateway) -> None:
    notice = {**gateway.notice(), "notify_id": "another"}

    assert alipay.event_of(_callback(notice)) is None


async def test_nothing_personal_is_logged_or_put_into_an_address(
    alipay: AlipayFaceProvider, gateway: AlipayGateway, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as events, caplog.at_level(logging.DEBUG):
        started = await alipay.start(REQUEST)
        await alipay.result(started.provider_ref)
        gateway.refusal = refused("40004", f"{NAME} {NUMBER}")
        await _reason(alipay)
        gateway.say = lambda _: NAME.encode()
        await _reason(alipay, started.provider_ref)

    told = caplog.text + str(events) + repr(started) + started.provider_ref + str(dict(started.client))
    told += " ".join(call.target for call in gateway.calls)
    assert "openapi" not in told
    assert [event["event"] for event in events] == ["alipay_refused"]
    for personal in (NAME, NUMBER, base64.b64encode(PICTURE).decode()[:40], json.dumps(NAME).strip('"')):
        assert personal not in told


async def test_many_at_once_are_kept_apart(alipay: AlipayFaceProvider, gateway: AlipayGateway) -> None:
    requests = [replace(REQUEST, check_id=UUID(int=number)) for number in range(8)]
    for number, request in enumerate(requests):
        await gateway.play(request, FaceReason.OK if number % 2 else FaceReason.NOT_FINISHED)

    started = await asyncio.gather(*(alipay.start(request) for request in requests))
    results = await asyncio.gather(*(alipay.result(each.provider_ref) for each in started))

    assert [result.decision is FaceDecision.PASSED for result in results] == [False, True] * 4
