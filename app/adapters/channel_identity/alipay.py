"""Alipay's mini programs: `alipay.system.oauth.token` exchanges an `auth_code` for its user.

    the call      https://opendocs.alipay.com/apis/api_9/alipay.system.oauth.token
    bad codes     https://opendocs.alipay.com/support/01rg6z

`grant_type` and `code` stand beside the common parameters, not within `biz_content`. An answer that is good has no
`code` of the gateway's; refusals come as `error_response`. The access token is not kept: we ask for nothing else.
"""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.adapters.alipay_signing import Answer, read_answer, read_private_key, read_public_key, sign
from app.adapters.answers import whole
from app.adapters.channel_identity.options import read_options
from app.core.clock import SHANGHAI, Clock
from app.core.logging import logger
from app.ports.channel_identity import (
    ChannelCodeRefused,
    ChannelIdentity,
    ChannelIdentityUnavailable,
    ChannelSignInTooOften,
    ChannelUser,
    ChannelUserBlocked,
    IdentityOptionsNotTaken,
)

_METHOD: Final = "alipay.system.oauth.token"
_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 1024
_TIME: Final = "%Y-%m-%d %H:%M:%S"  # in China's time
_ENDPOINT: Final = r"^(https://[^\s/?#@]+|http://127\.0\.0\.1(:[0-9]+)?)(/[^\s?#]*)?$"
_LONGEST_ID: Final = 128
_CODES: Final = frozenset({"isv.code-invalid", "isv.unmatched-app-id"})
_BLOCKED: Final = "isv.user-risk"
_TOO_OFTEN: Final = "40005"  # https://opendocs.alipay.com/common/02km9f
_BUSY: Final = "20000"


class _Options(BaseModel):
    """What Alipay's console gives to a mini program."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    app_id: str = Field(min_length=1, max_length=32)
    private_key: Annotated[RSAPrivateKey, BeforeValidator(read_private_key)] = Field(repr=False)
    alipay_public_key: Annotated[RSAPublicKey, BeforeValidator(read_public_key)] = Field(repr=False)
    endpoint: str = Field("https://openapi.alipay.com/gateway.do", pattern=_ENDPOINT)


class AlipayChannelIdentity(ChannelIdentity):
    """One signed POST a sign-in; believed is only an answer that Alipay has signed."""

    def __init__(self, clock: Clock, client: httpx.AsyncClient, *, seconds: float = _SECONDS) -> None:
        self._clock = clock
        self._client = client
        self._seconds = seconds

    def check(self, options: Mapping[str, str]) -> None:
        known = read_options(_Options, options)
        if known.private_key.public_key() == known.alipay_public_key:
            raise IdentityOptionsNotTaken(
                "alipay_public_key is the program's own; Alipay's is another one, in its console."
            )

    async def identify(self, options: Mapping[str, str], auth_code: str) -> ChannelUser:
        known = _read(tuple(sorted(options.items())))
        answer = await self._ask(known, auth_code)
        said, code, sub_code = answer.content, _word(answer, "code"), _word(answer, "sub_code")
        if not code and answer.is_signed:
            return ChannelUser(_user(said))
        if sub_code in _CODES:
            raise ChannelCodeRefused
        logger(__name__).warning("alipay_refused", method=_METHOD, code=code, sub_code=sub_code)
        if sub_code == _BLOCKED:
            raise ChannelUserBlocked
        if code == _TOO_OFTEN:
            raise ChannelSignInTooOften(retry_after_seconds=60, quota=100, window_seconds=60)
        raise ChannelIdentityUnavailable(retry_after_seconds=2 if code == _BUSY else None)

    async def _ask(self, known: _Options, auth_code: str) -> Answer:
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    "POST",
                    known.endpoint,
                    params={"charset": "utf-8"},
                    data=self._signed(known, auth_code),
                    follow_redirects=False,
                ) as answer,
            ):
                answer.raise_for_status()
                body = await whole(answer.aiter_bytes(), _MOST_BYTES, ValueError("too much"))
            return read_answer(known.alipay_public_key, body, _METHOD)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise ChannelIdentityUnavailable from error

    def _signed(self, known: _Options, auth_code: str) -> dict[str, str]:
        parameters = {
            "app_id": known.app_id,
            "method": _METHOD,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": self._clock.now().astimezone(SHANGHAI).strftime(_TIME),
            "version": "1.0",
            "grant_type": "authorization_code",
            "code": auth_code,
        }
        return {**parameters, "sign": sign(known.private_key, parameters)}


@lru_cache(maxsize=16)
def _read(options: tuple[tuple[str, str], ...]) -> _Options:
    """Read a channel's options; its keys take longer than the rest of a sign-in."""
    return read_options(_Options, dict(options))


def _word(answer: Answer, name: str) -> str:
    said = answer.content.get(name, "")
    return said[:64] if isinstance(said, str) else "?"


def _user(said: Mapping[str, object]) -> str:
    """Return the user's id: programs that are older know their users by `user_id`, newer ones by `open_id`."""
    for name in ("user_id", "open_id"):
        found = said.get(name)
        if isinstance(found, str) and 1 <= len(found) <= _LONGEST_ID:
            return f"{name}:{found}"
    raise ChannelIdentityUnavailable
