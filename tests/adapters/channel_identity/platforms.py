"""The platforms of mini programs on loopback, in the formats that their pages document."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.channel_identity.alipay import AlipayChannelIdentity
from app.adapters.channel_identity.demo import DemoChannelIdentity
from app.adapters.channel_identity.wechat import WechatChannelIdentity
from app.core.clock import SystemClock
from app.ports.channel_identity import ChannelIdentity
from tests.adapters.face.alipay_gateway import (
    alipay_key,
    another_key,
    application_key,
    is_signed,
    private_text,
    public_text,
    signature,
    text_of,
)
from tests.factories.servers import loopback_client, serving

SECRET = "0123456789abcdef0123456789abcdef"
METHOD = "alipay.system.oauth.token"
NODE = "alipay_system_oauth_token_response"


class Stage(Protocol):
    """A platform that tests play with: codes of users, and what goes wrong with one."""

    identity: ChannelIdentity

    @property
    def options(self) -> dict[str, str]: ...

    def code_of(self, user: str) -> str: ...

    def faulty(self, fault: str) -> str: ...


@dataclass
class DemoStage:
    """The demo's platform."""

    identity: ChannelIdentity = field(default_factory=DemoChannelIdentity)
    options: dict[str, str] = field(default_factory=dict)

    def code_of(self, user: str) -> str:
        return f"demo-user-{user}"

    def faulty(self, fault: str) -> str:
        return {"bad": "demo-nothing", "blocked": "demo-blocked", "busy": "demo-busy", "often": "demo-too-often"}[fault]


@dataclass
class WechatStage:
    """`sns/jscode2session`: a code is good once, and answers are JSON that is called plain text."""

    seen: list[Mapping[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, object]] = field(default_factory=dict)
    say: Response | None = None
    address: str = ""
    identity: ChannelIdentity = field(init=False)

    @property
    def options(self) -> dict[str, str]:
        return {"app_id": "wx1234567890abcdef", "secret": SECRET, "endpoint": f"{self.address}/sns/jscode2session"}

    def code_of(self, user: str) -> str:
        code = f"0a3{len(self.codes):029}"
        self.codes[code] = {"openid": f"o-{user}", "session_key": "HyVFkGl5F5OQWJZZaNzBBg==", "unionid": "u"}
        return code

    def faulty(self, fault: str) -> str:
        number = {"bad": 40029, "used": 40163, "blocked": 40226, "busy": -1, "often": 45011, "secret": 40125}[fault]
        self.codes[fault] = {"errcode": number, "errmsg": f"no, rid: {SECRET}"}
        return fault

    async def exchange(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.seen.append(asked)
        if self.say is not None:
            return self.say
        if asked.get("grant_type") != "authorization_code" or asked.get("secret") != SECRET:
            return _plain({"errcode": 40125, "errmsg": "invalid appsecret"})
        return _plain(self.codes.pop(asked["js_code"], {"errcode": 40029, "errmsg": "invalid code"}))


@dataclass
class AlipayStage:
    """`gateway.do`: it verifies who asks and signs what it says, by arithmetic of its own."""

    seen: list[Mapping[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, object]] = field(default_factory=dict)
    say: Response | None = None
    forges: bool = False
    address: str = ""
    identity: ChannelIdentity = field(init=False)

    @property
    def options(self) -> dict[str, str]:
        return {
            "app_id": "2021000122671080",
            "private_key": private_text(application_key()),
            "alipay_public_key": public_text(alipay_key()),
            "endpoint": f"{self.address}/gateway.do",
        }

    def code_of(self, user: str, name: str = "user_id") -> str:
        code = f"4b203fe6c11548bcabd8da5b{len(self.codes):08}"
        self.codes[code] = {
            name: f"2088{user}",
            "access_token": "20120823ac6ffaa4d2d84e7384bf983531473993",
            "expires_in": "3600",
            "refresh_token": "20120823ac6ffdsdf2d84e7384bf983531473993",
            "re_expires_in": "3600",
        }
        return code

    def faulty(self, fault: str) -> str:
        code, sub_code = {
            "bad": ("40002", "isv.code-invalid"),
            "blocked": ("40004", "isv.user-risk"),
            "busy": ("20000", "isp.unknow-error"),
            "often": ("40005", "aop.call-limited"),
            "secret": ("40002", "isv.invalid-signature"),
        }[fault]
        self.codes[fault] = {"code": code, "msg": "no", "sub_code": sub_code, "sub_msg": "授权码code无效"}
        return fault

    async def exchange(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        self.seen.append(form)
        if self.say is not None:
            return self.say
        if not is_signed(application_key(), text_of(form, "sign"), form["sign"]):
            return self._signed("error_response", {"code": "40002", "sub_code": "isv.invalid-signature"})
        said = self.codes.pop(form["code"], {"code": "40002", "msg": "Invalid", "sub_code": "isv.code-invalid"})
        return self._signed("error_response" if "code" in said else NODE, said)

    def _signed(self, node: str, said: Mapping[str, object]) -> Response:
        text = json.dumps(said, ensure_ascii=False)
        sign = signature(another_key() if self.forges else alipay_key(), text)
        return Response(f'{{"{node}":{text},"sign":"{sign}"}}', media_type="text/html;charset=utf-8")


def _plain(said: Mapping[str, object]) -> Response:
    return Response(json.dumps(said), media_type="text/plain")


@asynccontextmanager
async def demo() -> AsyncIterator[DemoStage]:
    """The demo's platform."""
    yield DemoStage()


@asynccontextmanager
async def wechat() -> AsyncIterator[WechatStage]:
    """WeChat's."""
    stage = WechatStage()
    app = Starlette(routes=[Route("/sns/jscode2session", stage.exchange)])
    async with serving(app) as stage.address, loopback_client() as client:
        stage.identity = WechatChannelIdentity(client, seconds=10)
        yield stage


@asynccontextmanager
async def alipay() -> AsyncIterator[AlipayStage]:
    """Alipay's."""
    stage = AlipayStage()
    app = Starlette(routes=[Route("/gateway.do", stage.exchange, methods=["POST"])])
    async with serving(app) as stage.address, loopback_client() as client:
        stage.identity = AlipayChannelIdentity(SystemClock(), client, seconds=10)
        yield stage
