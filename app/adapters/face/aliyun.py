"""Alibaba Cloud's real-person verification for finance (Cloudauth 2019-03-07): live by its SDK, photo by one call.

https://help.aliyun.com/zh/id-verification/financial-grade-id-verification/

A live check is begun by InitFaceVerify, whose CertifyId the client's SDK needs, and asked about by DescribeFaceVerify.
A photo is judged at once by ContrastFaceVerify; then, and when a start is refused for what the person or the device is,
the reference carries what was said. When a live check is done the vendor calls back, unsigned: a hint, to ask.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, SecretStr, field_validator

from app.adapters.face import aliyun_codes as codes
from app.adapters.face.aliyun_calling import Answer, CallbackTokens, Cloudauth
from app.adapters.face.aliyun_signing import AccessKey
from app.adapters.face.options import read_options
from app.core.clock import Clock
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
)

_log = logger(__name__)

_NUMBER: Final = re.compile(r"[1-8][0-9]{16}[0-9X]")
"""Identity cards and residence permits of Hong Kong, Macao and Taiwan; the vendor takes no other document.

https://help.aliyun.com/document_detail/433441.html
"""
_LATIN: Final = re.compile(r"[A-Za-z]")
_NOT_FINISHED: Final = codes.Outcome(
    FaceDecision.PENDING, FaceReason.NOT_FINISHED, Liveness(done=False), Match(done=False)
)


class Options(BaseModel):
    """What an operator sets; `docs/faces.md` says what each is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    access_key_id: str = Field(pattern=r"^[\x21-\x7e]+$")
    access_key_secret: SecretStr = Field(min_length=1)
    scene_id: PositiveInt
    photo_scene_id: PositiveInt | None = None
    product: Literal["ID_PRO", "PV_FV"] = "ID_PRO"
    photo_model: Literal["NO_LIVENESS", "FRONT_CAMERA_LIVENESS", "REAR_CAMERA_LIVENESS"] = "NO_LIVENESS"
    identity_in: Literal["form", "query"] = "form"
    return_url: str | None = None
    endpoint: str = "https://cloudauth.aliyuncs.com"

    @field_validator("endpoint")
    @classmethod
    def _safe(cls, endpoint: str) -> str:
        address = re.fullmatch(r"(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1|http://localhost)(:[0-9]{1,5})?", endpoint)
        if address is None or int((address[2] or ":0")[1:]) > 65535:
            raise ValueError("it is https:// and a host, without a path")
        return endpoint


@dataclass(frozen=True, slots=True)
class _Open:
    """A reference to a live check at the vendor."""

    certify_id: str

    def reference(self) -> str:
        """Write it as a provider's reference."""
        return orjson.dumps(["open", self.certify_id]).decode()


@dataclass(frozen=True, slots=True)
class _Said:
    """A reference that carries what the vendor said at once: its code, and the sub-code when it has judged."""

    mode: FaceMode
    code: str
    sub_code: str | None
    at: datetime

    def reference(self) -> str:
        """Write it as a provider's reference."""
        return orjson.dumps(["said", self.mode, self.code, self.sub_code, self.at]).decode()

    def outcome(self) -> codes.Outcome:
        """Return what it means.

        Raises:
            FaceServiceUnavailable: nothing that is about the person or the device; the log has the codes.
        """
        try:
            if self.sub_code is not None:
                return codes.judged(self.sub_code, self.mode)
            return codes.refused(self.code, self.mode)
        except FaceServiceUnavailable as error:
            _log.warning("aliyun_refused", code=self.code, sub_code=self.sub_code, reason=error.reason.value)
            raise


class AliyunFaceProvider(FaceProvider):
    """Made with our clock, our HTTP client and its options."""

    name = "aliyun"
    modes = frozenset(FaceMode)

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str]) -> None:
        self._clock = clock
        self._options = read_options(Options, self.name, options)
        secret = self._options.access_key_secret.get_secret_value()
        key = AccessKey(self._options.access_key_id, secret)
        self._vendor = Cloudauth(clock, client, key, self._options.endpoint)
        self._tokens = CallbackTokens(secret)

    async def start(self, request: FaceRequest) -> FaceStart:
        """Begin a live check, or have a photo judged; a start that is repeated is another call to the vendor."""
        if not self._has_source(request):
            return self._decided(request.mode, codes.NOT_TAKEN)
        if request.mode is FaceMode.PHOTO:
            return await self._compare(request)
        return await self._begin(request)

    async def result(self, provider_ref: str) -> FaceResult:
        """Ask how a live check stands, or tell what the reference carries."""
        ref = _read(provider_ref)
        if isinstance(ref, _Said):
            return _result(ref, ref.outcome(), provider_ref)
        answer = await self._vendor.call(
            "DescribeFaceVerify", {"SceneId": str(self._options.scene_id), "CertifyId": ref.certify_id}, {}
        )
        said = self._said(FaceMode.LIVE, answer)
        return _result(said, _NOT_FINISHED if said.code in codes.PENDING else _outcome(said, answer), provider_ref)

    async def cancel(self, provider_ref: str) -> None:
        """Leave it: the vendor has no call to give a check up, it lapses by itself and costs nothing."""

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        """Return the check whose token came back; the vendor signs nothing, but only it was told the token."""
        tokens = [value for name, value in callback.query.items() if name.lower() == "callbacktoken"]
        check_id = self._tokens.check_of(tokens[0]) if len(tokens) == 1 else None
        return None if check_id is None else FaceEvent(check_id, callback.digest)

    async def close(self) -> None:
        """Nothing to let go of: the client is the house's."""

    def _has_source(self, request: FaceRequest) -> bool:
        """Say whether there is something to compare a face with: our portrait, or a document the vendor knows."""
        if request.mode is FaceMode.LIVE and self._options.product == "PV_FV":
            return request.reference is not None
        return _NUMBER.fullmatch(request.number) is not None and _LATIN.search(request.name) is None

    async def _begin(self, request: FaceRequest) -> FaceStart:
        """Begin a live check: ID_PRO compares with the authority's photo, PV_FV with the portrait that we give."""
        meta_info = request.device_meta.get("meta_info")
        if not meta_info:
            raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)  # the client has no part of this provider
        given = {
            "SceneId": str(self._options.scene_id),
            "OuterOrderNo": request.check_id.hex,
            "ProductCode": self._options.product,
            "MetaInfo": meta_info,
            **self._addresses(request),
        }
        form = {"Model": "MULTI_ACTION"}  # blink and shake the head, in random order
        if self._options.product == "PV_FV":
            given["UserId"] = request.check_id.hex
            form["FaceContrastPicture"] = _text(request.reference)
        else:
            given |= {"CertType": "IDENTITY_CARD", "CertName": request.name, "CertNo": request.number}
        in_form = self._options.identity_in == "form"
        query, form = ({}, {**given, **form}) if in_form else (given, form)
        answer = await self._vendor.call("InitFaceVerify", query, form)
        if answer.code != codes.SUCCESS:
            return self._decided(FaceMode.LIVE, answer.code)
        begun = answer.begun()
        client = {"kind": self.name, "certify_id": begun.certify_id}
        if begun.certify_url:
            client["url"] = begun.certify_url
        return FaceStart(_Open(begun.certify_id).reference(), client)

    async def _compare(self, request: FaceRequest) -> FaceStart:
        """Have a photo compared with the authority's."""
        form = {
            "SceneId": str(self._options.photo_scene_id or self._options.scene_id),
            "OuterOrderNo": request.check_id.hex,
            "ProductCode": "ID_MIN",
            "CertType": "IDENTITY_CARD",
            "CertName": request.name,
            "CertNo": request.number,
            "FaceContrastPicture": _text(request.photo),
        }
        answer = await self._vendor.call("ContrastFaceVerify", {"Model": self._options.photo_model}, form)
        said = self._said(FaceMode.PHOTO, answer)
        _outcome(said, answer)
        return FaceStart(said.reference(), {"kind": self.name})

    def _addresses(self, request: FaceRequest) -> dict[str, str]:
        """Return where the vendor calls back (it does by https only) and where its page sends the person in the end."""
        found = {}
        if self._options.return_url:
            found["ReturnUrl"] = self._options.return_url
        if request.callback_url.startswith("https://"):
            found |= {"CallbackUrl": request.callback_url, "CallbackToken": self._tokens.token(request.check_id)}
        return found

    def _decided(self, mode: FaceMode, code: str) -> FaceStart:
        said = _Said(mode, code, None, self._clock.now())
        said.outcome()
        return FaceStart(said.reference(), {"kind": self.name})

    def _said(self, mode: FaceMode, answer: Answer) -> _Said:
        sub_code = answer.judged().sub_code if answer.code == codes.SUCCESS else None
        return _Said(mode, answer.code, sub_code, self._clock.now())


def _outcome(said: _Said, answer: Answer) -> codes.Outcome:
    """Return what an answer means, if its parts agree.

    Raises:
        FaceServiceUnavailable: they do not, or it means nothing that is about the person or the device.
    """
    outcome = said.outcome()
    if said.sub_code is not None and (answer.judged().passed == "T") != (outcome.decision is FaceDecision.PASSED):
        raise FaceServiceUnavailable
    return outcome


def _result(said: _Said, outcome: codes.Outcome, reference: str) -> FaceResult:
    return FaceResult(
        decision=outcome.decision,
        reason=outcome.reason,
        liveness=outcome.liveness,
        match=outcome.match,
        provider_ref=reference,
        provider_code=said.sub_code or said.code or None,
        charged=said.sub_code is not None,  # each judgement is, whatever it says; nothing else
        occurred_at=said.at,
    )


def _read(reference: str) -> _Open | _Said:
    """Read a reference.

    Raises:
        FaceServiceUnavailable: we have not written it.
    """
    try:
        kind, *parts = orjson.loads(reference)
        if kind == "open":
            (certify_id,) = parts
            return _Open(str(certify_id))
        mode, code, sub_code, at = parts
        return _Said(FaceMode(mode), str(code), sub_code and str(sub_code), datetime.fromisoformat(at))
    except (ValueError, TypeError) as error:
        raise FaceServiceUnavailable from error


def _text(image: bytes | None) -> str:
    return base64.b64encode(image or b"").decode()
