"""A national gateway to play with: docs/national-gateway.md, in memory, and as badly behaved as one asks for.

NATIONAL_APP_ID     who may ask; without it `escard`
NATIONAL_SECRETS    shared with escard, `whsec_` and base64; without it one is made up
NATIONAL_KEYS       32 bytes in base64: contents are sealed; without it TLS alone would hide them
NATIONAL_PEOPLE     a CSV file with the columns of docs/register.md; without it the people of escard's demo
NATIONAL_MOOD       how it behaves, one of MOODS; PUT /mood {"mood": "down"} changes it
"""

import asyncio
import base64
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import national_people
from national_envelopes import JSON, Asked, Envelopes
from national_funds import Funds
from national_moods import MOODS, lie
from national_people import People
from national_records import made_up
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MOST_BYTES = 1024 * 1024
SLOW_SECONDS = 60
STEPS = ("10", "20", "30", "40", "50", "60")
Records = Callable[[str, Mapping[str, str], JSON | None, datetime], list[JSON]]


@dataclass
class Order:
    """An order as it came, when, and the steps it has taken."""

    content: JSON
    at: float
    steps: list[JSON] = field(default_factory=list)


class ExampleGateway:
    """The gateway: who is there, what is kept of them, how it behaves, its clock.

    `step_seconds` is how long each step of an order takes; `refusal` refuses all orders.
    """

    def __init__(
        self,
        app_id: str,
        shared: Sequence[str],
        people: People,
        *,
        keys: Sequence[str] = (),
        records: Records = made_up,
        now: Callable[[], float] = time.time,
        suite: str = "international",
    ) -> None:
        self.people = people
        self.records = records
        self.mood = "answers"
        self._hurry = asyncio.Event()
        self.funds = Funds(dict(people.credits))
        self.orders: dict[str, Order] = {}
        self.refusal: JSON | None = None
        self.step_seconds = 30.0
        self.asked: list[tuple[str, JSON]] = []
        self.now = now
        self._heard: dict[str, float] = {}
        self._earlier: dict[str, Response] = {}
        made = partial(Envelopes, app_id, suite=suite)
        self._envelopes = made(shared, keys, lambda: self.now())
        self._stranger = made(["whsec_" + base64.b64encode(bytes(32)).decode()], keys, lambda: self.now())
        self._late = made(shared, keys, lambda: self.now() - 3600)
        self._open = made(shared, (), lambda: self.now())

    def app(self) -> Starlette:
        """Make the server."""
        return Starlette(
            routes=[
                Route("/", self._take, methods=["POST"]),
                Route("/mood", self._change, methods=["PUT"]),
            ]
        )

    def behave(self, mood: str) -> None:
        """Behave in one of the moods from now on; who still waits for a slow answer gets it.

        Raises:
            KeyError: it is none.
        """
        if mood not in MOODS:
            raise KeyError(mood)
        self.mood = mood
        if mood == "slow":
            self._hurry.clear()
        else:
            self._hurry.set()

    def says(self, order_no: str, status: str, reason: str | None = None) -> None:
        """Let an order have taken one more step."""
        self.orders[order_no].steps.append({"status": status, "at": self._moment(self.now()), "reason": reason})

    async def _change(self, request: Request) -> Response:
        mood = (await request.json()).get("mood")
        if mood not in MOODS:
            return JSONResponse({"moods": MOODS}, 422)
        self.behave(mood)
        return JSONResponse({"mood": mood})

    async def _take(self, request: Request) -> Response:
        body = await _whole(request)
        if body is None:
            return Response(status_code=413)
        asked = self._envelopes.open(body)
        if asked is None:
            return Response(status_code=401)
        if not self._is_new(asked.request_no):
            return self._sealed(asked, "409", None)
        self.asked.append((asked.method, asked.content))
        mood = self.mood
        if mood == "slow":
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), SLOW_SECONDS)
        return self._answered(mood, asked)

    def _answered(self, mood: str, asked: Asked) -> Response:
        if mood in ("down", "busy"):
            return Response(status_code=503) if mood == "down" else self._sealed(asked, "503", None)
        code, content = self._answer(asked)
        if mood == "unheard":
            self.behave("answers")
            return Response(status_code=504)
        if mood == "older" and code == "0":
            code = "200"
        if mood == "wrong_code":
            code = "OK"
        return self._said(mood, asked, code, content)

    def _said(self, mood: str, asked: Asked, code: str, content: JSON | None) -> Response:
        content = None if content is None else content | lie(mood, content)
        signers = {"forged": self._stranger, "stale": self._late, "in_the_clear": self._open}
        answer = self._sealed(asked, code, content, signers.get(mood))
        if mood == "garbage":
            return Response(b"<html>\xff</html>", media_type="text/html")
        if mood == "twice":
            return Response(bytes(answer.body) * 2, media_type="application/json")
        if mood == "replayed":
            return self._earlier.get(asked.method, answer)
        self._earlier[asked.method] = answer
        return answer

    def _sealed(self, asked: Asked, code: str, content: JSON | None, envelopes: Envelopes | None = None) -> Response:
        said = (envelopes or self._envelopes).seal(asked, code, content)
        return JSONResponse(said | {"message": "for people, and not signed"})

    def _answer(self, asked: Asked) -> tuple[str, JSON | None]:
        answers: Mapping[str, Callable[[Asked], tuple[str, JSON | None]]] = {
            "register.find": self._find,
            "register.find_by_card": self._find_by_card,
            "register.portrait": self._portrait,
            **dict.fromkeys(("rights.participations", "rights.contributions", "rights.benefits"), self._keep),
            "card_orders.submit": self._order,
            "card_orders.progress": self._progress,
            "funds.balances": lambda asked: self.funds.tell(asked.content),
            "funds.settle": lambda asked: self.funds.settle(asked.content),
            "funds.give_back": lambda asked: self.funds.give_back(asked.content),
            "funds.paid": lambda asked: self.funds.paid(asked.content),
        }
        answer = answers.get(asked.method)
        return ("403", None) if answer is None else answer(asked)

    def _find(self, asked: Asked) -> tuple[str, JSON | None]:
        return _found(self.people.said.get(asked.content["aac002"]))

    def _find_by_card(self, asked: Asked) -> tuple[str, JSON | None]:
        holders = self.people.by_card(asked.content["aaz500"])
        return ("500", None) if len(holders) > 1 else _found(holders[0] if holders else None)

    def _portrait(self, asked: Asked) -> tuple[str, JSON | None]:
        number = asked.content["aac002"]
        if number not in self.people.said:
            return "404", None
        portrait = self.people.portraits.get(number)
        return "0", {"aac002": number, "portrait": None if portrait is None else base64.b64encode(portrait).decode()}

    def _keep(self, asked: Asked) -> tuple[str, JSON | None]:
        number, now = asked.content["aac002"], datetime.fromtimestamp(self.now(), UTC)
        items = self.records(asked.method, asked.content, self.people.said.get(number), now)
        return "0", {"aac002": number, "as_of": now.isoformat(), "items": items}

    def _order(self, asked: Asked) -> tuple[str, JSON | None]:
        order_no, person = asked.content["order_no"], self.people.said.get(asked.content["aac002"])
        known = self.orders.get(order_no)
        if known is not None:
            return ("208" if known.content == asked.content else "409"), {"order_no": order_no}
        differs = person is None or person["aac003"] != asked.content["aac003"]
        refusal = self.refusal or ({"status": "90", "reason": "F02"} if differs else None)
        if refusal is not None:
            return "422", {"order_no": order_no, "at": self._moment(self.now())} | refusal
        self.orders[order_no] = Order(asked.content, self.now())
        return "0", {"order_no": order_no}

    def _progress(self, asked: Asked) -> tuple[str, JSON | None]:
        order_no = asked.content["order_no"]
        order = self.orders.get(order_no)
        if order is None:
            return "404", None
        while len(order.steps) < len(STEPS) and self.now() >= order.at + self.step_seconds * (len(order.steps) + 1):
            at = self._moment(order.at + self.step_seconds * (len(order.steps) + 1))
            order.steps.append({"status": STEPS[len(order.steps)], "at": at, "reason": None})
            if len(order.steps) == len(STEPS):
                person = self.people.said[order.content["aac002"]]
                person.update(aaz500=f"N{secrets.randbelow(10**8):08}", aaz502="1")
        return "0", {"order_no": order_no, "steps": order.steps}

    def _is_new(self, request_no: str) -> bool:
        """Remember what was heard for as long as its time would be believed; several processes would share a table."""
        now = self.now()
        self._heard = {known: at for known, at in self._heard.items() if now - at <= 600}
        is_new = request_no not in self._heard
        self._heard[request_no] = now
        return is_new

    def _moment(self, seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat()


def _found(person: JSON | None) -> tuple[str, JSON | None]:
    return ("404", None) if person is None else ("0", person)


async def _whole(request: Request) -> bytes | None:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def app() -> Starlette:
    """Make the server as the environment says."""
    app_id = os.environ.get("NATIONAL_APP_ID", "escard")
    shared, keys = os.environ.get("NATIONAL_SECRETS", "").split(), os.environ.get("NATIONAL_KEYS", "").split()
    path, suite = os.environ.get("NATIONAL_PEOPLE"), os.environ.get("NATIONAL_SUITE", "international")
    people = national_people.demo() if path is None else national_people.read(Path(path))
    if not shared:
        shared = ["whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()]
        sealing = f" ESCARD_NATIONAL_GATEWAY__ENCRYPTION_KEYS={keys[0]}" if keys else ""
        sys.stderr.write(
            "No NATIONAL_SECRETS, so here is a new one. Beside this, start escard with\n\n"
            "ESCARD_REGISTER_ADAPTER=gateway ESCARD_INSURANCE_ADAPTER=national ESCARD_CARD_ORDERS_ADAPTER=national "
            "ESCARD_MEDICAL_FUNDS_ADAPTER=national "
            f"ESCARD_NATIONAL_GATEWAY__ENDPOINT=http://127.0.0.1:{_port(sys.argv)}/ "
            f"ESCARD_NATIONAL_GATEWAY__APP_ID={app_id} ESCARD_NATIONAL_GATEWAY__SUITE={suite} "
            f"ESCARD_NATIONAL_GATEWAY__SECRETS={shared[0]}{sealing} "
            "make run\n\n"
        )
    gateway = ExampleGateway(app_id, shared, people, keys=keys, suite=suite)
    gateway.behave(os.environ.get("NATIONAL_MOOD", "answers"))
    return gateway.app()


def _port(words: Sequence[str]) -> str:
    """Return the port that uvicorn was told on its command line; it tells nobody else."""
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word == "--port":
            return value
        if word.startswith("--port="):
            return word.removeprefix("--port=")
    return os.environ.get("UVICORN_PORT", "8000")
