"""Alipay's identity certification: the person certifies in the Alipay app, at an address that we sign.

    alipay.user.certify.open.initialize   https://docs.open.alipay.com/api_2/alipay.user.certify.open.initialize
    alipay.user.certify.open.certify      https://opendocs.alipay.com/open/02ahk0 (an address for the person, no call)
    alipay.user.certify.open.query        https://docs.open.alipay.com/api_2/alipay.user.certify.open.query

The query tells T, or F; and F is a failure or no attempt yet, it does not say which, nor why
(https://developer.aliyun.com/ask/285728). So F is not finished until the certification's time is over, and then it has
expired: nothing that Alipay says counts against a person.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from app.adapters.alipay_signing import (
    Answer,
    WrongSignature,
    read_answer,
    read_notice,
    read_private_key,
    read_public_key,
    sign,
)
from app.adapters.answers import whole
from app.adapters.face.options import read_options
from app.core.clock import SHANGHAI, Clock
from app.core.logging import logger
from app.ports.face import (
    FaceCallback,
    FaceDecision,
    FaceEvent,
    FaceMode,
    FaceProvider,
    FaceReason,
    FaceRequest,
    FaceResult,
    FaceServiceUnavailable,
    FaceStart,
    Liveness,
    Match,
    MatchSource,
)

_INITIALIZE: Final = "alipay.user.certify.open.initialize"
_CERTIFY: Final = "alipay.user.certify.open.certify"
_QUERY: Final = "alipay.user.certify.open.query"

_VALID: Final = timedelta(hours=23)  # how long one can certify: https://developer.aliyun.com/ask/285734
_NOTICE_AGE: Final = timedelta(minutes=15)
_TIME: Final = "%Y-%m-%d %H:%M:%S"  # in China's time
_PICTURE_LETTERS: Final = 1_048_576  # the most that face_contrast_picture holds, in base64
_ANSWER_BYTES: Final = 4 * 1024 * 1024  # material_info alone may have 2 867 200 letters
_APP: Final = "alipays://platformapi/startapp?appId=20000067&url="  # https://opendocs.alipay.com/support/01rg9u
_ENDPOINT: Final = r"^(https://[^\s/?#]+|http://127\.0\.0\.1(:[0-9]+)?)(/[^\s?#]*)?$"
_REFERENCE: Final = re.compile(r"([0-9A-Za-z_-]{1,64})\.([0-9]{1,11})")
_CODE: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")

_SUCCESS: Final = "10000"
_REFUSALS: Final[Mapping[str, FaceReason]] = {
    "20000": FaceReason.PROVIDER_BUSY,  # the service or the gateway does not work just now
    "20001": FaceReason.PROVIDER_MISCONFIGURED,  # authorisation
    "40001": FaceReason.PROVIDER_MISCONFIGURED,  # a parameter is missing
    "40002": FaceReason.PROVIDER_MISCONFIGURED,  # one is wrong: signature, application, time
    "40003": FaceReason.PROVIDER_MISCONFIGURED,  # no key at Alipay's console
    "40005": FaceReason.PROVIDER_BUSY,  # called too often
    "40006": FaceReason.PROVIDER_MISCONFIGURED,  # the application has no contract for this
}
"""What the gateway's codes mean to us: https://opendocs.alipay.com/common/02km9f."""

_UNKNOWN_ID: Final = "OPEN_CERTIFY_BILL_NOT_EXIST"
_BUSINESS_FAILED: Final = "40004"
_BUSINESS_REFUSALS: Final[Mapping[str, FaceReason]] = {
    _UNKNOWN_ID: FaceReason.PROVIDER_MISCONFIGURED,  # https://developer.aliyun.com/ask/285734
    "ILLEGAL_ARGUMENT_FORMAT": FaceReason.PROVIDER_MISCONFIGURED,  # https://developer.aliyun.com/ask/285724
    "unknown-sub-code": FaceReason.PROVIDER_MISCONFIGURED,  # https://developer.aliyun.com/ask/285732
}
"""What 40004 means by its `sub_code`."""

_PERMITS: Final[Mapping[str, str]] = {
    "81": "RESIDENCE_PERMIT_HK_MC",
    "82": "RESIDENCE_PERMIT_HK_MC",
    "83": "RESIDENCE_PERMIT_TAIWAN",
}
"""Alipay's kinds of document by how the number begins (GB 11643, residence permits); all others are identity cards."""


class _Options(BaseModel):
    """What Alipay's console gives, and where the person comes back to."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    app_id: str = Field(min_length=1, max_length=32)
    private_key: Annotated[RSAPrivateKey, BeforeValidator(read_private_key)] = Field(repr=False)
    alipay_public_key: Annotated[RSAPublicKey, BeforeValidator(read_public_key)] = Field(repr=False)
    return_url: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:", max_length=256)
    endpoint: str = Field("https://openapi.alipay.com/gateway.do", pattern=_ENDPOINT)
    biz_code: Literal["FACE", "CERT_PHOTO_FACE", "SMART_FACE"] = "FACE"

    @field_validator("alipay_public_key")
    @classmethod
    def _not_our_own(cls, key: RSAPublicKey, info: ValidationInfo) -> RSAPublicKey:
        ours = info.data.get("private_key")
        if isinstance(ours, RSAPrivateKey) and ours.public_key() == key:
            raise ValueError("it is the application's own public key; Alipay's is another one, in its console")
        return key


class AlipayFaceProvider(FaceProvider):
    """Lets people certify in the Alipay app; live mode only."""

    name = "alipay"
    modes = frozenset({FaceMode.LIVE})

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str]) -> None:
        self._clock = clock
        self._client = client
        self._options = read_options(_Options, self.name, options)

    async def start(self, request: FaceRequest) -> FaceStart:
        began_at = self._clock.now()
        said = _accepted(_INITIALIZE, await self._ask(_INITIALIZE, self._order(request)))
        certify_id = said.get("certify_id")
        reference = f"{certify_id}.{int(began_at.timestamp())}"
        if not isinstance(certify_id, str) or _REFERENCE.fullmatch(reference) is None:
            raise FaceServiceUnavailable
        back = {
            "return_url": self._options.return_url,
            "notify_url": f"{request.callback_url}?check_id={request.check_id}",
        }
        parameters = self._signed(_CERTIFY, {"certify_id": certify_id}, back)
        url = f"{self._options.endpoint}?{urlencode(parameters)}"
        return FaceStart(
            reference,
            {"kind": self.name, "certify_id": certify_id, "url": url, "app_url": _APP + quote(url, safe="")},
        )

    async def result(self, provider_ref: str) -> FaceResult:
        certify_id, began_at = _read(provider_ref)
        now = self._clock.now()
        is_over = began_at + _VALID <= now
        answer = await self._ask(_QUERY, {"certify_id": certify_id})
        if is_over and answer.is_signed and answer.content.get("sub_code") == _UNKNOWN_ID:
            return _result(provider_ref, FaceReason.TOKEN_EXPIRED, _UNKNOWN_ID, now)
        match _accepted(_QUERY, answer).get("passed"):
            case "T" | ["T"]:  # documented as a text; Alipay's SDKs have a list
                return _result(provider_ref, FaceReason.OK, "T", now)
            case "F" | ["F"]:
                reason = FaceReason.TOKEN_EXPIRED if is_over else FaceReason.NOT_FINISHED
                return _result(provider_ref, reason, "F", now)
            case _:
                raise FaceServiceUnavailable

    async def cancel(self, provider_ref: str) -> None:
        """Alipay has no call for it; a certification that nobody finishes costs nothing."""

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        try:
            notice = read_notice(self._options.alipay_public_key, callback.body)
            sent_at = datetime.strptime(notice["notify_time"], _TIME).replace(tzinfo=SHANGHAI)
            if notice["app_id"] != self._options.app_id or abs(self._clock.now() - sent_at) > _NOTICE_AGE:
                return None
            return FaceEvent(UUID(callback.query["check_id"]), notice["notify_id"][:128] or callback.digest)
        except (KeyError, ValueError):
            return None

    async def close(self) -> None:
        """Nothing to let go of: the client is the house's."""

    def _order(self, request: FaceRequest) -> dict[str, object]:
        """Return what a certification is to be about; the live face is not kept, our portrait is compared with."""
        picture = base64.b64encode(request.reference or b"").decode()
        return {
            "outer_order_no": request.check_id.hex,
            "biz_code": self._options.biz_code,
            "identity_param": {
                "identity_type": "CERT_INFO",
                "cert_type": _PERMITS.get(request.number[:2], "IDENTITY_CARD"),
                "cert_name": request.name,
                "cert_no": request.number,
            },
            "merchant_config": {"return_url": self._options.return_url, "face_reserve_strategy": "never"},
            **({"face_contrast_picture": picture} if 0 < len(picture) <= _PICTURE_LETTERS else {}),
        }

    def _signed(
        self, method: str, content: Mapping[str, object], more: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return all the parameters of a request; its content in ASCII, so that no charset can spoil the signature."""
        parameters = {
            "app_id": self._options.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": self._clock.now().astimezone(SHANGHAI).strftime(_TIME),
            "version": "1.0",
            "biz_content": json.dumps(content, separators=(",", ":")),
            **(more or {}),
        }
        return {**parameters, "sign": sign(self._options.private_key, parameters)}

    async def _ask(self, method: str, content: Mapping[str, object]) -> Answer:
        """Call a method; nothing personal is in the address.

        Raises:
            FaceServiceUnavailable: no answer, none that we understand, or none that is Alipay's.
        """
        form = self._signed(method, content)
        try:
            async with self._client.stream(
                "POST", self._options.endpoint, params={"charset": "utf-8"}, data=form
            ) as response:
                response.raise_for_status()
                body = await whole(response.aiter_bytes(), _ANSWER_BYTES, FaceServiceUnavailable())
            return read_answer(self._options.alipay_public_key, body, method)
        except WrongSignature as error:  # as a rule it is our `alipay_public_key` that is wrong
            raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise FaceServiceUnavailable from error


def _accepted(method: str, answer: Answer) -> Mapping[str, object]:
    """Return what an answer says when Alipay has accepted the call.

    The gateway does not sign every refusal (it may not know for whom); what is not signed can be nothing else.

    Raises:
        FaceServiceUnavailable: it has not.
    """
    code, sub_code = _code(answer, "code"), _code(answer, "sub_code")
    if code == _SUCCESS and answer.is_signed:
        return answer.content
    logger(__name__).warning("alipay_refused", method=method, code=code, sub_code=sub_code, is_signed=answer.is_signed)
    reason = _BUSINESS_REFUSALS.get(sub_code) if code == _BUSINESS_FAILED else _REFUSALS.get(code)
    raise FaceServiceUnavailable(reason or FaceReason.NETWORK)


def _code(answer: Answer, name: str) -> str:
    """Return one of Alipay's codes, and nothing that only stands where a code should."""
    said = answer.content.get(name)
    return said if isinstance(said, str) and _CODE.fullmatch(said) else ""


def _read(provider_ref: str) -> tuple[str, datetime]:
    found = _REFERENCE.fullmatch(provider_ref)
    if found is None:
        raise FaceServiceUnavailable
    return found[1], datetime.fromtimestamp(int(found[2]), UTC)


def _result(provider_ref: str, reason: FaceReason, provider_code: str, at: datetime) -> FaceResult:
    passed = reason is FaceReason.OK
    pending = reason is FaceReason.NOT_FINISHED
    return FaceResult(
        decision=FaceDecision.PASSED if passed else FaceDecision.PENDING if pending else FaceDecision.EXPIRED,
        reason=reason,
        liveness=Liveness(done=passed, passed=passed, kind="multi_factor" if passed else None),
        match=Match(done=passed, passed=passed, source=MatchSource.REGISTER if passed else MatchSource.NONE),
        provider_ref=provider_ref,
        provider_code=provider_code,
        charged=passed,  # only what has passed is charged: https://opendocs.alipay.com/support/01rg9q
        occurred_at=at,
    )
