"""Every platform of mini programs keeps the port's promises; what each says besides is told apart."""

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
import structlog
from starlette.responses import Response

from app.adapters.channel_identity.wechat import WechatChannelIdentity
from app.core import logging as our_logging
from app.core.errors import AppError
from app.ports.channel_identity import (
    ChannelCodeRefused,
    ChannelIdentityUnavailable,
    ChannelSignInTooOften,
    ChannelUserBlocked,
    IdentityOptionsNotTaken,
)
from tests.adapters.channel_identity import platforms
from tests.adapters.channel_identity.platforms import METHOD, NODE, SECRET, AlipayStage, Stage, WechatStage
from tests.adapters.face.alipay_gateway import alipay_key, application_key, public_text, signature

STAGES: Mapping[str, Callable[[], AbstractAsyncContextManager[Stage]]] = {
    "demo": platforms.demo,
    "wechat": platforms.wechat,
    "alipay": platforms.alipay,
}


@pytest.fixture
async def wechat() -> AsyncIterator[WechatStage]:
    async with platforms.wechat() as stage:
        yield stage


@pytest.fixture
async def alipay() -> AsyncIterator[AlipayStage]:
    async with platforms.alipay() as stage:
        yield stage


@pytest.mark.parametrize("name", STAGES)
class TestPromises:
    @pytest.fixture
    async def stage(self, name: str) -> AsyncIterator[Stage]:
        async with STAGES[name]() as stage:
            yield stage

    async def test_a_user_is_the_same_at_every_sign_in_and_no_other(self, stage: Stage) -> None:
        stage.identity.check(stage.options)

        one, again, other = [
            await stage.identity.identify(stage.options, stage.code_of(user)) for user in ("zoe", "zoe", "bob")
        ]

        assert one == again
        assert one.subject != other.subject
        assert 1 <= len(one.subject) <= 128
        assert one.subject not in repr(one)

    @pytest.mark.parametrize(
        ("fault", "refusal"),
        [
            ("bad", ChannelCodeRefused),
            ("blocked", ChannelUserBlocked),
            ("often", ChannelSignInTooOften),
            ("busy", ChannelIdentityUnavailable),
        ],
    )
    async def test_what_goes_wrong_is_told_apart(self, stage: Stage, fault: str, refusal: type[Exception]) -> None:
        with pytest.raises(refusal):
            await stage.identity.identify(stage.options, stage.faulty(fault))

    async def test_options_that_it_does_not_know_are_named_and_not_shown(self, stage: Stage) -> None:
        with pytest.raises(IdentityOptionsNotTaken) as raised:
            stage.identity.check({**stage.options, "more": SECRET})

        assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", ["wechat", "alipay"])
class TestSilence:
    @pytest.fixture
    async def stage(self, name: str) -> AsyncIterator[WechatStage | AlipayStage]:
        async with platforms.wechat() if name == "wechat" else platforms.alipay() as stage:
            yield stage

    @pytest.mark.parametrize(
        "said",
        [
            Response(status_code=500),
            Response(status_code=302, headers={"location": "http://127.0.0.1:1/"}),
            Response("<html></html>"),
            Response(b"\xff\xfe"),
            Response("[]"),
            Response("{}"),
            Response('{"openid": 7}'),
            Response('{"openid": ""}'),
            Response('{"errcode": [40029]}'),
            Response(f'{{"{NODE}": {{"user_id": "2088"}}}}'),
            Response("{" * 100_000),
        ],
        ids=[
            "500",
            "elsewhere",
            "html",
            "bytes",
            "list",
            "nothing",
            "number",
            "empty",
            "code-list",
            "unsigned",
            "too-much",
        ],
    )
    async def test_what_cannot_be_understood_signs_nobody_in(
        self, stage: WechatStage | AlipayStage, said: Response
    ) -> None:
        stage.say = said

        with pytest.raises(ChannelIdentityUnavailable):
            await stage.identity.identify(stage.options, "code")

    async def test_a_wrong_secret_of_ours_is_no_fault_of_the_users(self, stage: WechatStage | AlipayStage) -> None:
        with pytest.raises(ChannelIdentityUnavailable):
            await stage.identity.identify(stage.options, stage.faulty("secret"))

    async def test_a_platform_that_is_down_is_not_there(self, stage: WechatStage | AlipayStage) -> None:
        nowhere = stage.options | {"endpoint": "http://127.0.0.1:1/"}

        with pytest.raises(ChannelIdentityUnavailable):
            await stage.identity.identify(nowhere, "code")


class TestWechat:
    async def test_it_is_asked_as_its_page_says(self, wechat: WechatStage) -> None:
        code = wechat.code_of("zoe")

        await wechat.identity.identify(wechat.options, code)

        assert wechat.seen == [
            {
                "appid": "wx1234567890abcdef",
                "secret": SECRET,
                "js_code": code,
                "grant_type": "authorization_code",
            }
        ]

    async def test_a_used_code_is_a_bad_one(self, wechat: WechatStage) -> None:
        code = wechat.code_of("zoe")
        await wechat.identity.identify(wechat.options, code)

        for used in (code, wechat.faulty("used")):
            with pytest.raises(ChannelCodeRefused):
                await wechat.identity.identify(wechat.options, used)

    @pytest.mark.parametrize("options", [{"app_id": "1"}, {"secret": "short"}, {"endpoint": "http://api.example/"}])
    def test_what_its_console_does_not_show_is_not_taken(self, options: dict[str, str]) -> None:
        good = {"app_id": "wx1234567890abcdef", "secret": SECRET}

        with pytest.raises(IdentityOptionsNotTaken, match=next(iter(options))):
            WechatChannelIdentity(httpx.AsyncClient()).check(good | options)

    async def test_its_address_is_written_down_nowhere(self, wechat: WechatStage) -> None:
        lines = io.StringIO()
        root, httpx_level = logging.getLogger(), logging.getLogger("httpx").level
        before, level = root.handlers[:], root.level
        settings = structlog.get_config()
        our_logging.configure("debug", lines)
        try:
            await wechat.identity.identify(wechat.options, wechat.code_of("zoe"))
            for fault in ("secret", "blocked", "busy"):
                with pytest.raises(AppError) as raised:
                    await wechat.identity.identify(wechat.options, wechat.faulty(fault))
                logging.getLogger("test").error("it failed", exc_info=raised.value)
            with pytest.raises(ChannelIdentityUnavailable) as down:
                await wechat.identity.identify(wechat.options | {"endpoint": "http://127.0.0.1:1/"}, "the-code")
            logging.getLogger("test").error("it failed", exc_info=down.value)
        finally:
            root.handlers[:] = before
            root.setLevel(level)
            logging.getLogger("httpx").setLevel(httpx_level)
            structlog.configure(**settings)

        written = lines.getvalue()
        assert "wechat_refused" in written
        assert [word for word in (SECRET, "the-code", "js_code", "jscode2session") if word in written] == []
        assert SECRET not in str(down.value.__cause__) + str(down.value.__context__)


class TestAlipay:
    async def test_it_is_asked_as_its_page_says(self, alipay: AlipayStage) -> None:
        code = alipay.code_of("zoe")

        await alipay.identity.identify(alipay.options, code)

        (asked,) = alipay.seen
        assert asked["method"] == METHOD
        assert (asked["grant_type"], asked["code"]) == ("authorization_code", code)
        assert "biz_content" not in asked
        assert set(asked) == {
            *("app_id", "method", "format", "charset", "sign_type", "timestamp", "version"),
            *("grant_type", "code", "sign"),
        }

    async def test_newer_programs_know_their_users_by_open_ids(self, alipay: AlipayStage) -> None:
        by_open_id = await alipay.identity.identify(alipay.options, alipay.code_of("1", "open_id"))
        by_user_id = await alipay.identity.identify(alipay.options, alipay.code_of("1"))

        assert by_open_id != by_user_id

    async def test_nobody_else_says_who_comes(self, alipay: AlipayStage) -> None:
        alipay.forges = True

        with pytest.raises(ChannelIdentityUnavailable):
            await alipay.identity.identify(alipay.options, alipay.code_of("zoe"))

    async def test_what_was_signed_is_believed_as_it_stands(self, alipay: AlipayStage) -> None:
        text = json.dumps({"user_id": "2088102150477652"})
        sign = signature(alipay_key(), text)
        alipay.say = Response(f'{{"{NODE}":{text.replace("2088", "2089")},"sign":"{sign}"}}')

        with pytest.raises(ChannelIdentityUnavailable):
            await alipay.identity.identify(alipay.options, "code")

    def test_its_own_public_key_is_not_the_programs(self, alipay: AlipayStage) -> None:
        with pytest.raises(IdentityOptionsNotTaken, match="alipay_public_key"):
            alipay.identity.check(alipay.options | {"alipay_public_key": public_text(application_key())})
