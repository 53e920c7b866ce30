"""A face provider that is any other system: our own small contract over HTTP, signed both ways.

The contract is `docs/face-remote.openapi.yaml`, the signatures are explained in `docs/adr/0017-signed-requests.md`, and
`examples/remote_faces` is a provider to run beside this one.
"""

import asyncio
import base64
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal, Self
from uuid import UUID, uuid4

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from app.adapters.answers import whole
from app.adapters.face.options import read_options
from app.adapters.face.remote_contract import CheckBegun, CheckEnded, CheckName, CheckStanding, Refusal, read
from app.adapters.webhooks import TOLERANCE_SECONDS, NotGenuine, Webhooks, read_secret
from app.core.clock import Clock
from app.core.logging import logger
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
)

_MOST_BYTES: Final = 65536
_MOST_SECONDS_TO_WAIT: Final = 3600
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_BY_STATUS: Final[Mapping[int, FaceReason]] = {
    402: FaceReason.PROVIDER_ARREARS,
    429: FaceReason.PROVIDER_BUSY,
    503: FaceReason.PROVIDER_BUSY,
}
_MODES: Final[Mapping[str, frozenset[FaceMode]]] = {
    "both": frozenset(FaceMode),
    "live": frozenset({FaceMode.LIVE}),
    "photo": frozenset({FaceMode.PHOTO}),
}


class _Options(BaseModel):
    """`ESCARD_FACE_OPTIONS__REMOTE__…`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: str
    secrets: SecretStr
    modes: Literal["both", "live", "photo"] = "both"
    timeout_seconds: float = Field(10, gt=0, le=60)

    @field_validator("endpoint")
    @classmethod
    def _is_private(cls, endpoint: str) -> str:
        try:
            url = httpx.URL(endpoint)
        except httpx.InvalidURL:
            raise ValueError("it is no address") from None
        if not url.host or url.userinfo or "?" in endpoint or "#" in endpoint:
            raise ValueError("an address has a host, a port and a path, and no more")
        if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOOPBACK):
            raise ValueError("pictures and numbers go over https alone, except within this machine")
        return endpoint.rstrip("/")

    @field_validator("secrets")
    @classmethod
    def _are_secrets(cls, secrets: SecretStr) -> SecretStr:
        if not [read_secret(each) for each in secrets.get_secret_value().split()]:
            raise ValueError("a secret is needed")
        return secrets


class _Ref(BaseModel):
    """What a reference holds: which check of ours it is, and the provider's name for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    check: UUID
    mode: FaceMode
    name: CheckName

    @classmethod
    def of(cls, provider_ref: str) -> Self:
        """Read a reference.

        Raises:
            FaceServiceUnavailable: we have not written it.
        """
        try:
            return cls.model_validate_json(provider_ref)
        except ValidationError as error:
            raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED) from error


class RemoteFaceProvider(FaceProvider):
    """Asks another system, and believes no answer that the contract does not have."""

    name = "remote"

    def __init__(self, clock: Clock, client: httpx.AsyncClient, options: Mapping[str, str]) -> None:
        given = read_options(_Options, self.name, options)
        self.modes = _MODES[given.modes]
        self._clock = clock
        self._client = client
        self._endpoint = given.endpoint
        self._timeout = given.timeout_seconds
        self._webhooks = Webhooks([read_secret(each) for each in given.secrets.get_secret_value().split()], clock)

    async def start(self, request: FaceRequest) -> FaceStart:
        said = read(CheckBegun, await self._ask("POST", "/checks", _begin(request), good=frozenset({200, 201})))
        ref = _Ref(check=request.check_id, mode=request.mode, name=said.id)
        return FaceStart(ref.model_dump_json(), said.client)

    async def result(self, provider_ref: str) -> FaceResult:
        ref = _Ref.of(provider_ref)
        said = read(CheckStanding, await self._ask("GET", f"/checks/{ref.name}", good=frozenset({200})))
        is_of_it = (said.check_id, said.mode) == (str(ref.check), ref.mode)
        if not is_of_it or said.occurred_at > self._clock.now() + timedelta(seconds=TOLERANCE_SECONDS):
            raise FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)
        return FaceResult(
            decision=said.decision,
            reason=said.reason,
            liveness=said.liveness.told(),
            match=said.match.told(),
            provider_ref=provider_ref,
            provider_code=said.code,
            charged=said.charged,
            occurred_at=said.occurred_at,
        )

    async def cancel(self, provider_ref: str) -> None:
        await self._ask("DELETE", f"/checks/{_Ref.of(provider_ref).name}", good=frozenset({204, 404, 410}))

    def event_of(self, callback: FaceCallback) -> FaceEvent | None:
        try:
            event_id = self._webhooks.verify(callback.headers, callback.body)
            said = read(CheckEnded, callback.body)
        except NotGenuine as error:
            logger(__name__).info("remote_callback_not_believed", flaw=error.flaw.value)
            return None
        except FaceServiceUnavailable:
            return None
        return FaceEvent(UUID(said.data.check_id), event_id)

    async def close(self) -> None:
        """Nothing to let go of: the client is the house's."""

    async def _ask(self, method: str, path: str, body: bytes = b"", *, good: frozenset[int]) -> bytes:
        signed = self._webhooks.sign(f"req_{uuid4().hex}", f"{method} {path}\n".encode() + body)
        plain = {"accept": "application/json", "accept-encoding": "identity", "content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._timeout),  # the client's own limit begins anew with each piece of an answer
                self._client.stream(method, self._endpoint + path, content=body, headers=plain | signed) as answer,
            ):
                said = await whole(
                    answer.aiter_raw(), _MOST_BYTES, FaceServiceUnavailable(FaceReason.PROVIDER_MISCONFIGURED)
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise FaceServiceUnavailable(FaceReason.NETWORK) from error
        if answer.status_code not in good:
            raise _refusal(answer, said)
        return said


def _begin(request: FaceRequest) -> bytes:
    return orjson.dumps(
        {
            "check_id": str(request.check_id),
            "mode": request.mode,
            "name": request.name,
            "number": request.number,
            "reference": _text(request.reference),
            "photo": _text(request.photo),
            "callback_url": request.callback_url,
            "device_meta": dict(request.device_meta),
        }
    )


def _text(picture: bytes | None) -> str | None:
    return None if picture is None else base64.b64encode(picture).decode()


def _refusal(answer: httpx.Response, said: bytes) -> FaceServiceUnavailable:
    status, wait = answer.status_code, answer.headers.get("retry-after", "")
    try:
        reason: FaceReason = Refusal.model_validate_json(said).reason
    except ValidationError:
        other = FaceReason.NETWORK if status >= 500 else FaceReason.PROVIDER_MISCONFIGURED
        reason = _BY_STATUS.get(status, other)
    seconds = int(wait) if status in (429, 503) and re.fullmatch(r"[0-9]{1,4}", wait) else 0
    is_short = 0 < seconds <= _MOST_SECONDS_TO_WAIT
    return FaceServiceUnavailable(reason, retry_after_seconds=seconds if is_short else None)
