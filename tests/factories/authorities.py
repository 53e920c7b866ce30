"""An insurance authority's gateway on loopback: answers as docs/gateways.md has it, or as badly as a test wants."""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.adapters.insurance.plans import Plan
from app.adapters.webhooks import NotGenuine, Webhooks
from app.core.clock import Clock, today
from app.core.settings.groups import GatewaySettings
from app.ports.insurance import Insurance, Month, ParticipationStatus

JSON = dict[str, Any]
SECRET = bytes(range(32))
_AAC031 = {ParticipationStatus.PAYING: "1", ParticipationStatus.PAUSED: "2", ParticipationStatus.ENDED: "3"}


def gateway_settings(endpoint: str, seconds: float = 30, secret: bytes = SECRET) -> GatewaySettings:
    """Return the settings of a gateway that knows our secret."""
    whole = f"whsec_{base64.b64encode(secret).decode()}"
    return GatewaySettings.model_validate({"endpoint": endpoint, "secrets": whole, "timeout_seconds": seconds})


@dataclass
class AuthorityGateway:
    """What an authority keeps, by number; `change` alters an answer before it is signed, `send` takes its place."""

    clock: Clock
    plans: dict[str, Plan] = field(default_factory=dict)
    change: Callable[[JSON], object] = lambda answer: answer
    send: Callable[[Request, bytes], Response] | None = None
    status: int = 200
    asked: list[tuple[str, JSON]] = field(default_factory=list)
    waits: asyncio.Event | None = None
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    @property
    def app(self) -> Starlette:
        """The application to serve."""
        return Starlette(routes=[Route("/{what}", self._answer, methods=["POST"])])

    def signed(self, request: Request, body: bytes, secret: bytes = SECRET) -> Response:
        """Sign an answer to a request."""
        headers = Webhooks([secret], self.clock).sign(request.headers["webhook-id"], b"%d\n" % self.status + body)
        return Response(body, self.status, headers=headers, media_type="application/json")

    async def _answer(self, request: Request) -> Response:
        body, path = await request.body(), request.url.path
        try:
            Webhooks([SECRET], self.clock).verify(request.headers, f"POST {path}\n".encode() + body)
        except NotGenuine:
            return Response(status_code=401)
        asked: JSON = orjson.loads(body)
        self.asked.append((path, asked))
        self.arrived.release()
        if self.waits is not None:
            await self.waits.wait()
        plan = self.plans.get(asked["aac002"], Plan())
        said = self.change(answer_of(path, asked, plan, self.clock.now()))
        written = said if isinstance(said, bytes) else orjson.dumps(said)
        return self.signed(request, written) if self.send is None else self.send(request, written)


def endless(_: Request, __: bytes) -> Response:
    """Answer with more than anybody should read."""

    async def pieces() -> Any:
        for _ in range(64):
            yield b" " * 65536
            await asyncio.sleep(0)

    return StreamingResponse(pieces())


def answer_of(path: str, asked: Mapping[str, str], plan: Plan, now: datetime) -> JSON:
    """Return the answer that is right."""
    items = {"/participations": _participations, "/contributions": _contributions, "/benefits": _benefits}[path]
    return {"aac002": asked["aac002"], "as_of": now.isoformat(), "items": items(plan, asked, now)}


def _participations(plan: Plan, _: Mapping[str, str], now: datetime) -> list[JSON]:
    return [
        {
            "aae140": each.scheme.value,
            "aac031": _AAC031[each.status],
            "aab301": each.region,
            "aab004": each.employer,
            "aae041": _digits(each.first_month),
            "aae042": _digits(each.last_month),
            "aae201": each.months_paid,
            "aae180": _text(each.base),
            "personal": _text(each.personal),
            "by_employer": _text(each.by_employer),
            "balance": _text(each.balance),
            "arrived": _digits(each.arrived_month),
        }
        for each in plan.participations(today(now))
    ]


def _contributions(plan: Plan, asked: Mapping[str, str], now: datetime) -> list[JSON]:
    return [
        {
            "aae002": _digits(each.month),
            "aae140": each.scheme.value,
            "aab301": each.region,
            "aab004": each.employer,
            "aae180": _text(each.base),
            "personal": _text(each.personal),
            "by_employer": _text(each.by_employer),
            "arrived_on": None if each.arrived_on is None else each.arrived_on.isoformat(),
        }
        for each in plan.contributions(Insurance(asked["insurance"]), today(now))
    ]


def _benefits(plan: Plan, asked: Mapping[str, str], now: datetime) -> list[JSON]:
    return [
        {
            "aae002": _digits(each.month),
            "aae140": each.scheme.value,
            "kind": each.kind.value,
            "amount": _text(each.amount),
            "status": each.status.value,
        }
        for each in plan.benefits(Insurance(asked["insurance"]), today(now))
    ]


def _digits(month: Month | None) -> str | None:
    return None if month is None else f"{month.year:04}{month.month:02}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"
