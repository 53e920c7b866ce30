"""A gateway of the places on loopback: it keeps the contract of docs/gateways.md, until a test makes it worse."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import Clock, SystemClock
from tests.factories.servers import Lost

JSON = dict[str, Any]
SECRET = bytes(range(32))
SECRET_TEXT = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
Twist = Callable[[str, int, JSON], tuple[int, JSON]]


@dataclass
class PlacesGateway:
    """Orders by their number, how often each was handed in, and what was asked; `twist` changes answers.

    `loses` is how many submissions are taken and never answered, `is_down` answers nothing but 503.
    """

    clock: Clock = field(default_factory=SystemClock)
    orders: dict[str, JSON] = field(default_factory=dict)
    submissions: dict[str, int] = field(default_factory=dict)
    steps: dict[str, list[JSON]] = field(default_factory=dict)
    withdrawn: dict[str, bool] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""
    loses: int = 0
    is_down: bool = False
    twist: Twist | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()
        self.app = Starlette(routes=[Route("/gw/{path:path}", self._take, methods=["GET", "PUT", "DELETE"])])

    def says(self, order_no: str, status: str, *, at: datetime | None = None, reason: str | None = None) -> None:
        """Let the places have taken one more step."""
        moment = (at or self.clock.now()).isoformat()
        self.steps[order_no].append({"status": status, "at": moment, "reason": reason})

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path.removeprefix("/gw")
        try:
            Webhooks([SECRET], self.clock).verify(request.headers, f"{request.method} {path}\n".encode() + body)
        except NotGenuine:
            return Response(status_code=401)
        self.asked.append(f"{request.method} {path}")
        if self.is_down:
            return Response(status_code=503)
        _, kind, name = path.split("/")
        status, said = await self._answer(request.method, kind, name, body)
        if self.twist is not None:
            status, said = self.twist(f"{request.method} {kind}", status, said)
        return Response(orjson.dumps(said), status, media_type="application/json") if status else Lost()

    async def _answer(self, method: str, kind: str, name: str, body: bytes) -> tuple[int, JSON]:
        if kind == "places":
            return 200, {"aab301": f"{name[:4]}00", "name": "东溪市", "online": True, "aae140": ["110", "210", "310"]}
        if method == "PUT":
            return await self._submitted(name, orjson.loads(body))
        if method == "DELETE":
            self.withdrawn.setdefault(name, not any(step["status"] > "12" for step in self.steps[name]))
            return 200, {"order_no": name, "withdrawn": self.withdrawn[name]}
        return 200, {"order_no": name, "steps": self.steps[name]}

    async def _submitted(self, name: str, order: JSON) -> tuple[int, JSON]:
        self.reached.set()
        await self.go_on.wait()
        self.submissions[name] = self.submissions.get(name, 0) + 1
        assert self.orders.setdefault(name, order) == order, "one number, two orders"
        self.steps.setdefault(name, [])
        if self.loses:
            self.loses -= 1
            return 0, {}
        return 201 if self.submissions[name] == 1 else 200, {"order_no": name}
