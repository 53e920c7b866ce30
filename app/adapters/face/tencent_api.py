"""Asks Tencent Cloud's API 3.0: signs, sends, and takes what comes for an answer or for none."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from app.adapters.answers import whole
from app.adapters.face.tencent_codes import CHARGED_H5, fault_of
from app.adapters.face.tencent_signing import CONTENT_TYPE, Call, Keys, authorization
from app.core.clock import Clock
from app.ports.face import FaceReason, FaceServiceUnavailable

_SERVICE: Final = "faceid"
_VERSION: Final = "2018-03-01"
_MOST_BYTES: Final = 1 << 20  # no pictures are asked for: an answer has some kilobytes
_LOOPBACK: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})

_Part = TypeVar("_Part", bound="Part")


class Options(BaseModel):
    """What the provider is told by the settings; docs/faces.md explains each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret_id: str = Field(min_length=1)
    secret_key: SecretStr = Field(min_length=1)
    flow: Literal["h5", "sdk"] = "h5"
    rule_id: str = Field("", validate_default=True)
    compare: Literal["portrait", "library"] = "portrait"
    photo_similarity: int = Field(70, ge=70, le=100)
    endpoint: HttpUrl = HttpUrl("https://faceid.tencentcloudapi.com")

    @field_validator("rule_id")
    @classmethod
    def _is_there_for_pages(cls, rule_id: str, info: ValidationInfo) -> str:
        if not rule_id and info.data.get("flow") == "h5":
            raise PydanticKnownError("missing")
        return rule_id

    @field_validator("endpoint")
    @classmethod
    def _is_encrypted(cls, endpoint: HttpUrl) -> HttpUrl:
        if endpoint.scheme != "https" and endpoint.host not in _LOOPBACK:
            raise ValueError("names and pictures go there: it begins with https://")
        return endpoint


class Part(BaseModel):
    """A part of an answer; the vendor may say more than is named, and what it says is never quoted."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


class Page(Part):
    """DetectAuth: a page that makes the check, for 7 200 seconds."""

    url: str = Field(alias="Url", min_length=1)
    token: str = Field(alias="BizToken", min_length=1)


class SdkToken(Part):
    """GetFaceIdToken."""

    token: str = Field(alias="FaceIdToken", min_length=1)


class Attempt(Part):
    """One of the tries that the page allows."""

    is_charged: bool | None = Field(None, alias="IsNeedCharge")


class Text(Part):
    """How a check on a page stands; no part of it is there before its time."""

    code: int | None = Field(None, alias="ErrCode")
    live: int | None = Field(None, alias="LiveStatus")
    compared: int | None = Field(None, alias="Comparestatus")
    similarity: str | float | None = Field(None, alias="Sim")
    extra: str | None = Field(None, alias="Extra")
    attempts: list[Attempt] | None = Field(None, alias="LivenessDetail")

    @property
    def is_charged(self) -> bool:
        """Whether the vendor says so of an attempt; where it says nothing, whether its page does of the code."""
        said = [each.is_charged for each in self.attempts or () if each.is_charged is not None]
        return any(said) if said else self.code in CHARGED_H5


class DetectInfo(Part):
    """GetDetectInfoEnhanced."""

    text: Text | None = Field(None, alias="Text")


class SdkResult(Part):
    """GetFaceIdResult."""

    code: str | None = Field(None, alias="Result")
    similarity: float | None = Field(None, alias="Similarity")
    extra: str | None = Field(None, alias="Extra")


class Photo(Part):
    """ImageRecognitionV2."""

    code: str = Field(alias="Result")
    similarity: float | None = Field(None, alias="Sim")


class _Error(Part):
    code: str = Field(alias="Code")


class _Response(Part):
    error: _Error | None = Field(None, alias="Error")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor answered: the code of an error, or what was asked for."""

    error: str | None
    said: object = field(repr=False)

    def read(self, part: type[_Part]) -> _Part:
        """Return what was asked for.

        Raises:
            FaceServiceUnavailable: it was an error, or is not understood.
        """
        if self.error is not None:
            raise FaceServiceUnavailable(fault_of(self.error))
        return _understood(part, self.said)


class FaceId:
    """The service faceid, for the calls of one account."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Options) -> None:
        self._clock = clock
        self._client = client
        self._url = httpx.URL(str(options.endpoint)).join("/")
        self._keys = Keys(options.secret_id, options.secret_key.get_secret_value())

    async def ask(self, action: str, **parameters: str | None) -> Answer:
        """Ask once; parameters that are None are left out.

        Raises:
            FaceServiceUnavailable: no answer, or none that we understand.
        """
        body = await self._post(action, orjson.dumps({key: value for key, value in parameters.items() if value}))
        try:
            said = orjson.loads(body)["Response"]
        except (ValueError, TypeError, LookupError) as error:
            raise FaceServiceUnavailable from error
        error_said = _understood(_Response, said).error
        return Answer(error_said.code if error_said is not None else None, said)

    async def _post(self, action: str, payload: bytes) -> bytes:
        host = self._url.netloc.decode("ascii")
        timestamp = int(self._clock.now().timestamp())
        headers = {
            "Accept-Encoding": "identity",  # so that the limit below is one of what is held, too
            "Authorization": authorization(self._keys, Call(_SERVICE, host, action, timestamp, payload)),
            "Content-Type": CONTENT_TYPE,
            "Host": host,
            "X-TC-Action": action,
            "X-TC-Timestamp": str(timestamp),
            "X-TC-Version": _VERSION,
        }
        try:
            # An answer that comes in drops would never let the client's own time run out.
            async with (
                asyncio.timeout(self._client.timeout.read),
                self._client.stream("POST", self._url, content=payload, headers=headers) as answer,
            ):
                return await _body(answer)
        except (httpx.HTTPError, TimeoutError) as error:
            raise FaceServiceUnavailable from error


async def _body(answer: httpx.Response) -> bytes:
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        raise FaceServiceUnavailable(FaceReason.PROVIDER_BUSY)
    if answer.is_client_error:
        raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)
    return await whole(answer.aiter_raw(), _MOST_BYTES, FaceServiceUnavailable())


def _understood(part: type[_Part], said: object) -> _Part:
    try:
        return part.model_validate(said)
    except ValidationError as error:
        raise FaceServiceUnavailable from error
