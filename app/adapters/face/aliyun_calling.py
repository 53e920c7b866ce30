"""Calls Alibaba Cloud's Cloudauth, reads what it answers, and makes the tokens by which its callbacks are known."""

import asyncio
import hashlib
import hmac
from typing import Final, Literal, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from app.adapters.answers import whole
from app.adapters.face.aliyun_codes import gateway_fault
from app.adapters.face.aliyun_signing import AccessKey, Call, canonical_query, signed_headers
from app.core.clock import Clock
from app.core.logging import logger
from app.ports.face import FaceReason, FaceServiceUnavailable

_log = logger(__name__)

_VERSION: Final = "2019-03-07"
_MOST_BYTES: Final = 256 * 1024  # an answer has a few thousand: codes, and addresses of pictures
_WANTED: Final = {"accept": "application/json", "accept-encoding": "identity"}
_Model = TypeVar("_Model", bound=BaseModel)


class _Said(BaseModel):
    """Something the vendor has said; its other fields are not read, and nothing of it is shown in errors."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_pascal, hide_input_in_errors=True, coerce_numbers_to_str=True
    )


class Begun(_Said):
    """A live check that was begun; the address is that of a page, for clients without the SDK."""

    certify_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")
    certify_url: str | None = Field(None, pattern=r"^(https://.*)?$")


class Judged(_Said):
    """A check that was judged."""

    passed: Literal["T", "F"]
    sub_code: str = Field(pattern=r"^[0-9]{1,5}$")


class Answer(_Said):
    """What comes back from a call; `result_object` is read when the code says that there is one."""

    code: str = Field(pattern=r"^[0-9]{1,5}$")
    result_object: object = None

    def begun(self) -> Begun:
        """Read it as the answer to InitFaceVerify.

        Raises:
            FaceServiceUnavailable: it is none.
        """
        return _validated(Begun, self.result_object)

    def judged(self) -> Judged:
        """Read it as the answer to DescribeFaceVerify or ContrastFaceVerify.

        Raises:
            FaceServiceUnavailable: it is none.
        """
        return _validated(Judged, self.result_object)


class _GatewayFault(_Said):
    code: str = Field(pattern=r"^([A-Za-z.]+[0-9]{0,3})+$", max_length=64)


class Cloudauth:
    """Sends signed calls."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, key: AccessKey, endpoint: str) -> None:
        self._clock = clock
        self._client = client
        self._key = key
        self._endpoint = endpoint
        self._host = httpx.URL(endpoint).netloc.decode()

    async def call(self, action: str, query: dict[str, str], form: dict[str, str]) -> Answer:
        """Call an action; the query stands in the address, the form in the body.

        Raises:
            FaceServiceUnavailable: no answer, or none that we understand.
        """
        call = Call(self._host, action, _VERSION, canonical_query(query), urlencode(form).encode())
        try:
            status, body = await self._send(call)
        except (httpx.HTTPError, TimeoutError) as error:
            raise FaceServiceUnavailable(FaceReason.NETWORK) from error
        if status != httpx.codes.OK:
            code = _gateway_code(body)
            _log.warning("aliyun_gateway_refused", action=action, status=status, code=code)
            raise FaceServiceUnavailable(gateway_fault(status, code))
        return _parsed(Answer, body)

    async def _send(self, call: Call) -> tuple[int, bytes]:
        """Send a call; its answer must be there within the time that one read may take."""
        headers = signed_headers(self._key, call, self._clock.now()) | _WANTED
        address = f"{self._endpoint}/?{call.query}" if call.query else f"{self._endpoint}/"
        async with self._client.stream("POST", address, content=call.body, headers=headers) as answer:
            async with asyncio.timeout(self._client.timeout.read):
                too_long = FaceServiceUnavailable(FaceReason.NETWORK)
                return answer.status_code, await whole(answer.aiter_raw(), _MOST_BYTES, too_long)


class CallbackTokens:
    """Makes a token for each check, and knows the check again by it; nothing is kept.

    The key comes from the secret of the access key. When that is replaced, checks under way are asked about without a
    hint.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"escard: callbacks of Cloudauth", "sha256")

    def token(self, check_id: UUID) -> str:
        """Return the token of a check: 64 characters, its id and a code over it."""
        return check_id.hex + hmac.new(self._key, check_id.bytes, hashlib.sha256).hexdigest()[:32]

    def check_of(self, token: str) -> UUID | None:
        """Return the check of a token, or None if we have not made it; how long it takes tells nothing of the code."""
        try:
            check_id = UUID(token[:32])
        except ValueError:
            return None
        is_ours = hmac.compare_digest(token.encode(errors="replace"), self.token(check_id).encode())
        return check_id if is_ours else None


def _gateway_code(body: bytes) -> str:
    try:
        return _parsed(_GatewayFault, body).code
    except FaceServiceUnavailable:
        return ""


def _parsed(model: type[_Model], body: bytes) -> _Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise FaceServiceUnavailable(FaceReason.NETWORK) from error


def _validated(model: type[_Model], value: object) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise FaceServiceUnavailable(FaceReason.NETWORK) from error
