"""Asking another authority's gateway: signed, with an end to every wait; what is not understood is not believed."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.adapters.gateways import Gateway, GatewaySilent, Said
from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import SystemClock
from app.core.settings.groups import GatewaySettings
from tests.factories.servers import loopback_client, serving

SECRET = bytes(range(32))
Answerer = Callable[[Request], Awaitable[Response]]


class Title(Said):
    """What is read in these tests."""

    title: str


class Elsewhere:
    """A gateway on loopback: checks every signature by itself, then answers as the test says."""

    def __init__(self) -> None:
        self.answer: Answerer = self.plain
        self.asked: list[tuple[str, str, bytes]] = []
        self._webhooks = Webhooks([SECRET], SystemClock())
        self.app = Starlette(routes=[Route("/gw/{path:path}", self._take, methods=["GET", "POST"])])

    async def plain(self, request: Request) -> Response:
        return Response(b'{"title": "yes", "more": 1}', media_type="application/json")

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path.removeprefix("/gw")
        try:
            self._webhooks.verify(request.headers, f"{request.method} {path}\n".encode() + body)
        except NotGenuine:
            return Response(status_code=401)
        self.asked.append((request.method, path, body))
        return await self.answer(request)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
async def gateway(elsewhere: Elsewhere) -> AsyncIterator[Gateway]:
    async with serving(elsewhere.app) as address, loopback_client() as client:
        yield made(f"{address}/gw", client)


def made(endpoint: str, client: httpx.AsyncClient, secret: bytes = SECRET, seconds: float = 30) -> Gateway:
    told = GatewaySettings.model_validate(
        {
            "endpoint": endpoint,
            "secrets": f"whsec_{base64.b64encode(secret).decode()}",
            "timeout_seconds": seconds,
        }
    )
    return Gateway(told, SystemClock(), client)


async def test_a_signed_request_is_answered_and_read(gateway: Gateway, elsewhere: Elsewhere) -> None:
    answer = await gateway.ask("POST", "/things", {"aac002": "1"})

    assert elsewhere.asked == [("POST", "/things", b'{"aac002":"1"}')]
    assert (answer.status, answer.read(Title).title) == (200, "yes")


async def test_another_secret_is_refused_there(elsewhere: Elsewhere) -> None:
    async with serving(elsewhere.app) as address, loopback_client() as client:
        answer = await made(f"{address}/gw", client, secret=bytes(32)).ask("GET", "/things")

    assert (answer.status, elsewhere.asked) == (401, [])


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
async def test_who_cannot_answer_now_is_silent(gateway: Gateway, elsewhere: Elsewhere, status: int) -> None:
    async def cannot(request: Request) -> Response:
        return Response(status_code=status)

    elsewhere.answer = cannot

    with pytest.raises(GatewaySilent):
        await gateway.ask("GET", "/things")


async def test_who_says_a_little_now_and_then_is_not_waited_for(elsewhere: Elsewhere) -> None:
    async def slow(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.1)

        return StreamingResponse(pieces())

    elsewhere.answer = slow

    async with serving(elsewhere.app) as address, loopback_client() as client:
        with pytest.raises(GatewaySilent):
            await made(f"{address}/gw", client, seconds=0.5).ask("GET", "/things")


async def test_what_is_too_much_is_not_read(gateway: Gateway, elsewhere: Elsewhere) -> None:
    async def much(request: Request) -> Response:
        return Response(b"x" * (1024 * 1024 + 1))

    elsewhere.answer = much

    with pytest.raises(GatewaySilent):
        await gateway.ask("GET", "/things")


async def test_nobody_is_followed_elsewhere(gateway: Gateway, elsewhere: Elsewhere) -> None:
    async def away(request: Request) -> Response:
        return Response(status_code=302, headers={"Location": "http://127.0.0.1:1/"})

    elsewhere.answer = away

    assert (await gateway.ask("GET", "/things")).status == 302


async def test_nobody_at_home_is_silent() -> None:
    async with loopback_client() as client:
        with pytest.raises(GatewaySilent):
            await made("http://127.0.0.1:1/gw", client).ask("GET", "/things")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"title": 1}', b'{"other": "x"}', b"\xff"])
async def test_what_is_not_as_agreed_is_no_answer(gateway: Gateway, elsewhere: Elsewhere, body: bytes) -> None:
    async def wrong(request: Request) -> Response:
        return Response(body)

    elsewhere.answer = wrong
    answer = await gateway.ask("GET", "/things")

    with pytest.raises(GatewaySilent):
        answer.read(Title)


@pytest.mark.parametrize(
    "endpoint", ["http://gateway.test", "https://me@gateway.test", "https://gateway.test/?a=1", "gateway", "https://"]
)
def test_an_address_that_is_not_private_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"over https alone|no more"):
        GatewaySettings.model_validate({"endpoint": endpoint, "secrets": "whsec_"})
