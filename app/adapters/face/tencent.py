"""Tencent Cloud FaceID, API version 2018-03-01: a living face on its page or in its SDK, and photos by name and number.

The option `flow` says how a live check is made. `h5`: DetectAuth gives a page; from there the browser comes back to our
callback address, and GetDetectInfoEnhanced tells the result. `sdk`: GetFaceIdToken gives a token for the SDK in an app
(ten minutes, one use), and GetFaceIdResult tells the result. Photos: ImageRecognitionV2 answers at once, so the
reference carries what it said.

https://cloud.tencent.com/document/api/1007/31816 (DetectAuth), …/41957 (GetDetectInfoEnhanced), …/49198
(GetFaceIdToken), …/49199 (GetFaceIdResult), …/102203 (ImageRecognitionV2)
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.adapters.face import tencent_codes as codes
from app.adapters.face.options import read_options
from app.adapters.face.tencent_api import DetectInfo, FaceId, Options, Page, Photo, SdkResult, SdkToken, Text
from app.core.clock import Clock
from app.ports.face import (
    FaceCallback,
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
    ScoreBand,
)

_TEXT_ONLY: Final = "1"  # InfoType: no picture and no video of anybody
_BANDS: Final = ((80, ScoreBand.HIGH), (70, ScoreBand.MEDIUM))
"""One in 10 000, and one in 1 000, of other people is as similar: https://www.tencentcloud.com/zh/document/api/1061/79053"""

_COMPARED: Final = frozenset({FaceReason.OK, FaceReason.FACE_MISMATCH})
_NOT_ALIVE: Final = frozenset({FaceReason.LIVENESS_FAILED, FaceReason.ATTACK_SUSPECTED})


class _Token(BaseModel):
    """A reference to a live check: what it is asked about with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: Literal["h5", "sdk"]
    check_id: UUID
    token: str
    rule_id: str


class _Told(BaseModel):
    """How a check stands; a reference when that was known at its start."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: Literal["told"] = "told"
    reason: FaceReason
    code: str | None = None
    band: ScoreBand | None = None
    charged: bool = False
    at: datetime


_REFERENCE: Final[TypeAdapter[_Token | _Told]] = TypeAdapter(Annotated[_Token | _Told, Field(discriminator="flow")])


class TencentFaceProvider(FaceProvider):
    """Made with our clock, our HTTP client and its options."""

    name = "tencent"
    modes = frozenset(FaceMode)

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str]) -> None:
        self._clock = clock
        self._options = read_options(Options, self.name, options)
        self._face_id = FaceId(clock, client, self._options)

    async def start(self, request: FaceRequest) -> FaceStart:
        if request.mode is FaceMode.PHOTO:
            return FaceStart((await self._compare(request)).model_dump_json(), {})
        return await (self._open_page(request) if self._options.flow == "h5" else self._give_token(request))

    async def result(self, provider_ref: str) -> FaceResult:
        try:
            reference = _REFERENCE.validate_json(provider_ref)
        except ValidationError as error:  # we have not written it
            raise FaceServiceUnavailable from error
        if isinstance(reference, _Told):
            return _result(provider_ref, FaceMode.PHOTO, reference)
        told = await (self._ask_page(reference) if reference.flow == "h5" else self._ask_sdk(reference))
        return _result(provider_ref, FaceMode.LIVE, told)

    async def cancel(self, provider_ref: str) -> None:
        """Tell nobody: the vendor has no call for it, and its tokens run out by themselves."""

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        try:
            check_id = UUID(callback.query["check"])
        except (KeyError, ValueError):
            return None
        return FaceEvent(check_id, check_id.hex)  # one event, however often somebody opens the address

    async def close(self) -> None:
        """Nothing to let go of: the client is the house's."""

    async def _open_page(self, request: FaceRequest) -> FaceStart:
        portrait = request.reference if self._options.compare == "portrait" else None
        if self._options.compare == "portrait" and portrait is None:
            return FaceStart(self._told(FaceReason.SOURCE_PHOTO_MISSING, None).model_dump_json(), {})
        back = httpx.URL(request.callback_url).copy_merge_params({"check": request.check_id.hex})
        answer = await self._face_id.ask(
            "DetectAuth",
            RuleId=self._options.rule_id,
            IdCard=request.number,
            Name=request.name,
            RedirectUrl=str(back),
            Extra=request.check_id.hex,
            ImageBase64=_text(portrait),
        )
        page = answer.read(Page)
        return FaceStart(self._reference(request, page.token), {"kind": "h5", "url": page.url, "token": page.token})

    async def _give_token(self, request: FaceRequest) -> FaceStart:
        portrait = request.reference if self._options.compare == "portrait" else None
        is_theirs = portrait is None  # the vendor's library is asked by name and number
        answer = await self._face_id.ask(
            "GetFaceIdToken",
            CompareLib="BUSINESS" if is_theirs else "LOCAL",
            IdCard=request.number if is_theirs else None,
            Name=request.name if is_theirs else None,
            ImageBase64=_text(portrait),
            Meta=request.device_meta.get("meta"),
            Extra=request.check_id.hex,
            RuleId=self._options.rule_id,
        )
        token = answer.read(SdkToken).token
        return FaceStart(self._reference(request, token), {"kind": "sdk", "token": token})

    async def _compare(self, request: FaceRequest) -> _Told:
        if request.photo is None:
            raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)
        answer = await self._face_id.ask(
            "ImageRecognitionV2", IdCard=request.number, Name=request.name, ImageBase64=_text(request.photo)
        )
        is_of_person = answer.error in codes.PHOTO
        photo = Photo.model_validate({"Result": answer.error}) if is_of_person else answer.read(Photo)
        reason = codes.PHOTO.get(photo.code)
        if reason is None:
            raise FaceServiceUnavailable(codes.fault_of(photo.code))
        if reason is FaceReason.OK and not self._is_same_person(photo):
            reason = FaceReason.FACE_MISMATCH
        is_charged = photo.code in codes.CHARGED_PHOTO
        return self._told(reason, photo.code, _band(photo.similarity), charged=is_charged)

    def _is_same_person(self, photo: Photo) -> bool:
        if photo.similarity is None:
            raise FaceServiceUnavailable
        return photo.similarity >= self._options.photo_similarity

    async def _ask_page(self, check: _Token) -> _Told:
        answer = await self._face_id.ask(
            "GetDetectInfoEnhanced", BizToken=check.token, RuleId=check.rule_id, InfoType=_TEXT_ONLY
        )
        if answer.error == codes.TOKEN_OVER:
            return self._told(FaceReason.TOKEN_EXPIRED, answer.error)
        text = answer.read(DetectInfo).text or Text()
        _see_that_it_is_about(check, text.extra)
        reason = _reason(codes.H5, text.code)
        if reason is FaceReason.OK and (text.live, text.compared) != (0, 0):
            raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)  # the rule leaves out what we rely on
        return self._told(reason, text.code, _band(text.similarity), charged=text.is_charged)

    async def _ask_sdk(self, check: _Token) -> _Told:
        answer = await self._face_id.ask("GetFaceIdResult", FaceIdToken=check.token)
        if answer.error == codes.TOKEN_OVER:
            return self._told(FaceReason.TOKEN_EXPIRED, answer.error)
        said = answer.read(SdkResult)
        _see_that_it_is_about(check, said.extra)
        code = _number(said.code)
        is_charged = code in codes.CHARGED_SDK
        return self._told(_reason(codes.SDK, code), code, _band(said.similarity), charged=is_charged)

    def _reference(self, request: FaceRequest, token: str) -> str:
        check = _Token(flow=self._options.flow, check_id=request.check_id, token=token, rule_id=self._options.rule_id)
        return check.model_dump_json()

    def _told(
        self, reason: FaceReason, code: str | int | None, band: ScoreBand | None = None, *, charged: bool = False
    ) -> _Told:
        said = None if code is None else str(code)
        return _Told(reason=reason, code=said, band=band, charged=charged, at=self._clock.now())


def _result(provider_ref: str, mode: FaceMode, told: _Told) -> FaceResult:
    is_compared, passed = told.reason in _COMPARED, told.reason is FaceReason.OK
    is_looked_at = mode is FaceMode.LIVE and told.reason in _COMPARED | _NOT_ALIVE
    return FaceResult(
        decision=codes.decision_of(told.reason),
        reason=told.reason,
        liveness=Liveness(done=is_looked_at, passed=is_looked_at and is_compared),
        match=Match(
            done=is_compared,
            passed=passed,
            source=MatchSource.REGISTER if is_compared else MatchSource.NONE,
            score_band=told.band if is_compared else None,
        ),
        provider_ref=provider_ref,
        provider_code=told.code,
        charged=told.charged,
        occurred_at=told.at,
    )


def _reason(table: Mapping[int, FaceReason], code: int | None) -> FaceReason:
    """Return what a result means; there is none before the end, and one we do not know is nobody's failure."""
    if code is None:
        return FaceReason.NOT_FINISHED
    try:
        return table[code]
    except KeyError as error:
        raise FaceServiceUnavailable from error


def _number(code: str | None) -> int | None:
    try:
        return int(code) if code else None
    except ValueError as error:
        raise FaceServiceUnavailable from error


def _see_that_it_is_about(check: _Token, extra: str | None) -> None:
    """See that an answer is about this check, where the vendor repeats what it was given for it."""
    if extra and extra != check.check_id.hex:
        raise FaceServiceUnavailable


def _band(similarity: str | float | None) -> ScoreBand | None:
    if similarity is None:
        return None
    try:
        score = float(similarity)
    except ValueError:
        return None
    return next((band for least, band in _BANDS if score >= least), ScoreBand.LOW)


def _text(image: bytes | None) -> str | None:
    return None if image is None else base64.b64encode(image).decode()
