"""What every way to people's phones promises, and how gateways fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from app.adapters.messages.gateway import GatewayMessages
from app.adapters.messages.push import GatewayPush
from app.core.clock import SystemClock
from app.ports.messages import Message, MessageKind, Messages, MessagesUnavailable
from app.ports.push import PushMessage, PushOutcome, PushUnavailable
from app.routers.deps import House
from tests.factories.gateways import PhoneGateway, phone_gateway, settings_for
from tests.factories.servers import loopback_client

PHONE = "10000000071"


def message(key: str = "event:home", text: str = "您好。") -> Message:
    return Message(key=key, to=PHONE, kind=MessageKind.NOTICE, text=text)


def notification(key: str = "event:home:device") -> PushMessage:
    return PushMessage(key=key, to="an-address", platform="ios", topic="security", text="您好。")


@dataclass
class Stage:
    """An adapter, and what the phone shows."""

    messages: Messages
    texts: Callable[[], Awaitable[Sequence[str]]]


@asynccontextmanager
async def gateway_with_client() -> AsyncIterator[tuple[PhoneGateway, GatewayMessages, GatewayPush]]:
    clock = SystemClock()
    async with phone_gateway(clock) as (gateway, settings), loopback_client() as client:
        yield gateway, GatewayMessages(settings, clock, client), GatewayPush(settings, clock, client)


@pytest.fixture(params=["inbox", "gateway"])
async def stage(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Stage]:
    """Each adapter in turn."""
    if request.param == "inbox":
        inbox = house.sandbox
        assert inbox is not None

        async def shown() -> Sequence[str]:
            return [each.text for each in reversed(await inbox.inbox.received(PHONE))]

        yield Stage(inbox.inbox, shown)
        return
    async with gateway_with_client() as (gateway, messages, _):

        async def texts() -> Sequence[str]:
            return gateway.texts(PHONE)

        yield Stage(messages, texts)


class TestPromises:
    async def test_a_message_arrives_as_it_was_written(self, stage: Stage) -> None:
        await stage.messages.send(message(text="𠮷·Ana: ¿sí? {no}"))

        assert await stage.texts() == ["𠮷·Ana: ¿sí? {no}"]

    async def test_handed_over_again_it_arrives_once(self, stage: Stage) -> None:
        await stage.messages.send(message())
        await stage.messages.send(message())

        assert await stage.texts() == ["您好。"]

    async def test_handed_over_by_many_at_once_it_arrives_once(self, stage: Stage) -> None:
        await asyncio.gather(*(stage.messages.send(message()) for _ in range(6)))

        assert await stage.texts() == ["您好。"]

    async def test_keys_are_told_apart(self, stage: Stage) -> None:
        await stage.messages.send(message("event:one", "一"))
        await stage.messages.send(message("event:two", "二"))

        assert await stage.texts() == ["一", "二"]


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[PhoneGateway, GatewayMessages, GatewayPush]]:
    async with gateway_with_client() as opened:
        yield opened


Elsewhere = tuple[PhoneGateway, GatewayMessages, GatewayPush]


class TestGateways:
    @pytest.mark.parametrize("status", [0, 400, 401, 403, 408, 409, 425, 429, 500, 503])
    async def test_what_was_not_taken_for_sure_can_be_handed_over_again(
        self, status: int, elsewhere: Elsewhere
    ) -> None:
        gateway, messages, push = elsewhere
        gateway.failing = [status]
        with pytest.raises(MessagesUnavailable):
            await messages.send(message())
        gateway.failing = [status]
        with pytest.raises(PushUnavailable):
            await push.send(notification())

        await messages.send(message())
        await push.send(notification())

        assert gateway.texts() == ["您好。", "您好。"]
        assert gateway.asked == 4

    async def test_who_is_slow_is_given_up(self) -> None:
        clock = SystemClock()
        async with phone_gateway(clock) as (gateway, settings), loopback_client(60) as client:
            gateway.go_on.clear()
            messages = GatewayMessages(settings_for(settings.endpoint, seconds=0.3), clock, client)

            with pytest.raises(MessagesUnavailable):
                await messages.send(message())
            gateway.go_on.set()

    async def test_where_nobody_listens_nothing_is_handed_over(self) -> None:
        async with loopback_client() as client:
            messages = GatewayMessages(settings_for("http://127.0.0.1:1"), SystemClock(), client)

            with pytest.raises(MessagesUnavailable):
                await messages.send(message())

    @pytest.mark.parametrize("status", [404, 410, 422])
    async def test_a_phone_that_never_takes_it_is_put_into_the_log_without_its_number(
        self, status: int, elsewhere: Elsewhere
    ) -> None:
        gateway, messages, _ = elsewhere
        gateway.failing = [status]

        with capture_logs() as lines:
            await messages.send(message())

        assert [line["event"] for line in lines] == ["message_refused"]
        assert PHONE not in str(lines)

    @pytest.mark.parametrize("status", [404, 410])
    async def test_an_app_that_is_gone_is_told_as_such(self, status: int, elsewhere: Elsewhere) -> None:
        gateway, _, push = elsewhere
        gateway.failing = [status]

        assert await push.send(notification()) is PushOutcome.GONE
        assert await push.send(notification()) is PushOutcome.TAKEN

    async def test_what_is_sent_is_what_the_page_says(self, elsewhere: Elsewhere) -> None:
        gateway, messages, push = elsewhere
        await messages.send(
            Message(key="sms-code:1", to=PHONE, kind=MessageKind.SMS_CODE, text="471102", code="471102")
        )
        await push.send(notification())

        assert gateway.taken == {
            "/messages/sms-code_1": {"to": PHONE, "kind": "sms_code", "text": "471102", "code": "471102"},
            "/notifications/event_home_device": {
                "to": "an-address",
                "platform": "ios",
                "topic": "security",
                "text": "您好。",
            },
        }

    async def test_who_has_another_secret_is_refused(self) -> None:
        clock = SystemClock()
        async with phone_gateway(clock) as (gateway, settings), loopback_client() as client:
            stranger = GatewayMessages(settings_for(settings.endpoint, bytes(32)), clock, client)

            with pytest.raises(MessagesUnavailable):
                await stranger.send(message())

            assert gateway.taken == {}
