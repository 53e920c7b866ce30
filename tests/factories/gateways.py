"""A gateway of messages and of apps on loopback, as docs/messages.md has it; it can fail in each way that they do."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import Clock
from app.core.settings.groups import GatewaySettings
from tests.factories.servers import Lost, serving

SECRET = bytes(range(32))


@dataclass
class PhoneGateway:
    """Takes each key once; `failing` are the statuses that it answers next, 0 for an answer that is lost."""

    clock: Clock
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    failing: list[int] = field(default_factory=list)
    asked: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()
        self._webhooks = Webhooks([SECRET], self.clock)
        self.app = Starlette(routes=[Route("/{path:path}", self._take, methods=["PUT"])])

    def texts(self, to: str | None = None) -> list[str]:
        """Return what was taken, oldest first."""
        return [each["text"] for each in self.taken.values() if to in (None, each["to"])]

    async def _take(self, request: Request) -> Response:
        body, path = await request.body(), request.url.path
        self.asked += 1
        self.was_asked.set()
        try:
            self._webhooks.verify(request.headers, f"PUT {path}\n".encode() + body)
        except NotGenuine:
            return Response(status_code=401)
        status = self.failing.pop(0) if self.failing else 202
        if status in (0, 202):
            self.taken.setdefault(path, await request.json())
        await self.go_on.wait()
        return Lost() if status == 0 else Response(status_code=status)


@asynccontextmanager
async def phone_gateway(clock: Clock) -> AsyncIterator[tuple[PhoneGateway, GatewaySettings]]:
    """Open a gateway; return it with the settings that lead there."""
    gateway = PhoneGateway(clock)
    async with serving(gateway.app) as address:
        yield gateway, settings_for(address)


def settings_for(endpoint: str, secret: bytes = SECRET, seconds: float = 30) -> GatewaySettings:
    """Return the settings that lead there; nobody is slow but where a test says so."""
    return GatewaySettings.model_validate(
        {"endpoint": endpoint, "secrets": f"whsec_{base64.b64encode(secret).decode()}", "timeout_seconds": seconds}
    )
