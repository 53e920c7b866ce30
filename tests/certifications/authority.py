"""The gateway of an authority on loopback: it keeps the contract of docs/gateways.md, until a test makes it worse."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import Clock, SystemClock, today
from tests.factories.servers import Lost

JSON = dict[str, Any]
SECRET = bytes(range(32))
SECRET_TEXT = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
Twist = Callable[[str, int, JSON], tuple[int, JSON]]


@dataclass
class AuthorityGateway:
    """What is paid by number, the orders that were heard, and how often each came; `twist` changes answers.

    `loses` is how many reports are heard and never answered, `is_down` answers nothing but 503, `refuses` is why none
    is accepted.
    """

    clock: Clock = field(default_factory=SystemClock)
    known: dict[str, JSON] = field(default_factory=dict)
    orders: dict[str, JSON] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    address: str = ""
    loses: int = 0
    is_down: bool = False
    refuses: str = ""
    twist: Twist | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()
        self.app = Starlette(routes=[Route("/gw/{path:path}", self._take, methods=["POST", "PUT"])])

    def pays(self, number: str, *, days: int = 320, payment: str = "paid") -> None:
        """Let somebody get a pension, certified so many days ago."""
        self.known[number] = {
            "benefits": [{"benefit": "pension", "payment": payment}],
            "certified_on": (self.today - timedelta(days=days)).isoformat(),
            "way": "counter",
            "due_on": (self.today + timedelta(days=365 - days)).isoformat(),
        }

    @property
    def today(self) -> date:
        return today(self.clock.now())

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path.removeprefix("/gw")
        try:
            Webhooks([SECRET], self.clock).verify(request.headers, f"{request.method} {path}\n".encode() + body)
        except NotGenuine:
            return Response(status_code=401)
        if self.is_down:
            return Response(status_code=503)
        asked = orjson.loads(body)
        status, said = await (self._hear(asked) if request.method == "PUT" else self._say(asked))
        if self.twist is not None:
            status, said = self.twist(request.method, status, said)
        return Response(orjson.dumps(said), status, media_type="application/json") if status else Lost()

    async def _say(self, asked: JSON) -> tuple[int, JSON]:
        return 200, {"aac002": asked["aac002"], "benefits": []} | self.known.get(asked["aac002"], {})

    async def _hear(self, order: JSON) -> tuple[int, JSON]:
        self.reached.set()
        await self.go_on.wait()
        name, number = order["order_no"], order["aac002"]
        self.told[name] = self.told.get(name, 0) + 1
        assert self.orders.setdefault(name, order) == order, "one number, two orders"
        if self.refuses:
            return 422, {"order_no": name, "reason": self.refuses}
        if self.told[name] == 1 and number in self.known:
            self._certify(number, order["way"])
        if self.loses:
            self.loses -= 1
            return 0, {}
        status = 201 if self.told[name] == 1 else 200
        return status, {"order_no": name, "aac002": number, "benefits": []} | self.known.get(number, {})

    def _certify(self, number: str, way: str) -> None:
        was_suspended = self.known[number]["benefits"][0]["payment"] == "suspended"
        restored = {
            "payment": "restored",
            "restored_on": self.today.isoformat(),
            "back_paid": "9805.50",
            "back_paid_months": 3,
        }
        self.known[number] = {
            "benefits": [{"benefit": "pension"} | (restored if was_suspended else {"payment": "paid"})],
            "certified_on": self.today.isoformat(),
            "way": way,
            "due_on": (self.today + timedelta(days=365)).isoformat(),
        }
