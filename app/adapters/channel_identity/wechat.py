"""WeChat's mini programs: `code2Session` exchanges the code of `wx.login` for an openid.

https://developers.weixin.qq.com/miniprogram/en/dev/api-backend/open-api/login/auth.code2Session.html

The address holds the program's secret, so neither it nor what failed under it is ever written down; the `session_key`
of the answer is not kept.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.adapters.answers import whole
from app.adapters.channel_identity.options import read_options
from app.core.logging import logger
from app.ports.channel_identity import (
    ChannelCodeRefused,
    ChannelIdentity,
    ChannelIdentityUnavailable,
    ChannelSignInTooOften,
    ChannelUser,
    ChannelUserBlocked,
)

_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 1024
_ENDPOINT: Final = r"^(https://[^\s/?#@]+|http://127\.0\.0\.1(:[0-9]+)?)(/[^\s?#]*)?$"
_LONGEST_ID: Final = 128
_BUSY: Final = -1
_TOO_OFTEN: Final = 45011  # "100 times per minute for each user"
_BLOCKED: Final = 40226  # a user of high risk
_CODES: Final = frozenset({40029, 40163, 41008})  # invalid, used, missing


class _Options(BaseModel):
    """What the console of a mini program shows."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_id: Annotated[str, StringConstraints(pattern=r"^wx[0-9a-z]{1,30}$")]
    secret: str = Field(min_length=16, max_length=128, repr=False)
    endpoint: str = Field("https://api.weixin.qq.com/sns/jscode2session", pattern=_ENDPOINT)


class WechatChannelIdentity(ChannelIdentity):
    """One GET a sign-in."""

    def __init__(self, client: httpx.AsyncClient, *, seconds: float = _SECONDS) -> None:
        self._client = client
        self._seconds = seconds

    def check(self, options: Mapping[str, str]) -> None:
        read_options(_Options, options)

    async def identify(self, options: Mapping[str, str], auth_code: str) -> ChannelUser:
        known = read_options(_Options, options)
        said = await self._ask(known, auth_code)
        code = said.get("errcode", 0)
        if not isinstance(code, int):
            raise ChannelIdentityUnavailable
        if code == 0:
            return ChannelUser(_openid(said))
        if code in _CODES:
            raise ChannelCodeRefused
        logger(__name__).warning("wechat_refused", code=code)
        match code:
            case int(code) if code == _BLOCKED:
                raise ChannelUserBlocked
            case int(code) if code == _TOO_OFTEN:
                raise ChannelSignInTooOften(retry_after_seconds=60, quota=100, window_seconds=60)
            case int(code) if code == _BUSY:
                raise ChannelIdentityUnavailable(retry_after_seconds=2)
            case _:  # as a rule it is our id or secret that is wrong
                raise ChannelIdentityUnavailable

    async def _ask(self, known: _Options, auth_code: str) -> Mapping[str, object]:
        asked = {"appid": known.app_id, "secret": known.secret, "js_code": auth_code}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(
                    "GET",
                    known.endpoint,
                    params=asked | {"grant_type": "authorization_code"},
                    headers={"accept-encoding": "identity"},
                    follow_redirects=False,
                ) as answer,
            ):
                answer.raise_for_status()
                said = orjson.loads(await whole(answer.aiter_raw(), _MOST_BYTES, ValueError("too much")))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):
            said = None
        if not isinstance(said, dict):
            raise ChannelIdentityUnavailable  # outside: what is raised inside holds the address
        return said


def _openid(said: Mapping[str, object]) -> str:
    openid = said.get("openid")
    if not isinstance(openid, str) or not 1 <= len(openid) <= _LONGEST_ID:
        raise ChannelIdentityUnavailable
    return openid
