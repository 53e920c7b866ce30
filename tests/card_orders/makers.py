"""Those who make cards, behind a gateway on loopback, as docs/gateways.md has it."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import Clock, SystemClock
from tests.transfers.places import SECRET

JSON = dict[str, Any]


@dataclass
class Makers:
    """Those who make cards: orders by number, as docs/gateways.md has it, until a test makes them worse."""

    address: str = ""
    clock: Clock = field(default_factory=SystemClock)
    orders: dict[str, JSON] = field(default_factory=dict)
    submissions: int = 0
    steps: dict[str, list[JSON]] = field(default_factory=dict)
    is_down: bool = False
    is_mute: bool = False
    refusal: JSON | None = None
    lie: Any = None

    def says(self, order_no: str, status: str, reason: str | None = None) -> None:
        self.steps[order_no].append({"status": status, "at": self.clock.now().isoformat(), "reason": reason})

    @property
    def app(self) -> Starlette:
        """The application to serve."""
        return Starlette(routes=[Route("/card-orders/{name}", self._take, methods=["GET", "PUT"])])

    async def _take(self, request: Request) -> Response:
        body, name = await request.body(), request.path_params["name"]
        signed = f"{request.method} /card-orders/{name}\n".encode() + body
        try:
            Webhooks([SECRET], self.clock).verify(request.headers, signed)
        except NotGenuine:
            return Response(status_code=401)
        if self.is_down:
            return Response(status_code=503)
        status, said = self._put(name, orjson.loads(body)) if request.method == "PUT" else self._get(name)
        if self.lie is not None and request.method == "GET":
            said = self.lie(said)
        return Response(status_code=504) if self.is_mute else Response(orjson.dumps(said), status)

    def _put(self, name: str, order: JSON) -> tuple[int, JSON]:
        if self.refusal is not None:
            return 422, {"order_no": name, "at": self.clock.now().isoformat()} | self.refusal
        self.submissions += 1
        assert self.orders.setdefault(name, order) == order, "one number, two orders"
        self.steps.setdefault(name, [])
        return 201, {"order_no": name}

    def _get(self, name: str) -> tuple[int, JSON]:
        return (200, {"order_no": name, "steps": self.steps[name]}) if name in self.steps else (404, {})
