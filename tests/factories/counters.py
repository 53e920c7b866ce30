"""Counters: a clerk who is signed in, and a terminal of their office that reads cards."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.models.operators import OfficeKind, OperatorRole
from app.routers.deps import House
from tests.factories.adding import ok
from tests.factories.make import Make, Someone
from tests.factories.phone import JSON
from tests.factories.staff import Hire, Worker
from tests.factories.terminals import Install, Terminal

CARD_READS = "/v1/counter/card-reads"


def card_of(person: Someone) -> str:
    """Return the number on somebody's physical card."""
    assert person.registered.card is not None
    return person.registered.card.number


@dataclass
class Counter:
    """Where people come to: who sits there, and with which terminal."""

    clerk: Worker
    terminal: Terminal
    clerk_is: Someone

    async def read(self, card_number: str, purpose: str = "enquiry", **signing: Any) -> httpx.Response:
        """Read a card; `signing` as `Terminal.signed` takes it."""
        return await self.terminal.send(self.signed(card_number, purpose, **signing))

    def signed(self, card_number: str, purpose: str = "enquiry", **signing: Any) -> httpx.Request:
        """Return the request that brings a card, signed."""
        body = {"card_number": card_number, "purpose": purpose}
        return self.terminal.signed(body, **{"path": CARD_READS, "session": self.clerk.token} | signing)

    async def post(self, path: str, body: object, **signing: Any) -> httpx.Response:
        """Send what the clerk does, signed by the terminal, session and all."""
        return await self.terminal.send(self.request(path, body, **signing))

    def request(self, path: str, body: object, *, key: str | None = None, **signing: Any) -> httpx.Request:
        """Return such a request, with an Idempotency-Key of its own unless one is given."""
        given = {"path": path, "session": self.clerk.token, "Idempotency_Key": key or secrets.token_hex(8)}
        return self.terminal.signed(body, **given | signing)

    async def notice(self, code: str) -> JSON:
        """Show a notice; return what is said of it."""
        notice = (await self.clerk.client.get(f"/v1/notices/{code}")).json()
        return {name: notice[name] for name in ("code", "version", "language", "sha256")}

    async def token(self, person: Someone, purpose: str = "enquiry") -> str:
        """Read somebody's card; return the token."""
        token: str = ok(await self.read(card_of(person), purpose))["card_read"]
        return token


class Open:
    """Opens counters; everything has defaults."""

    def __init__(self, make: Make, hire: Hire, install: Install) -> None:
        self._make, self._hire, self._install = make, hire, install

    async def __call__(
        self, login: str = "clerk", *, office: str = "west-window", kind: OfficeKind = OfficeKind.DISTRICT_BRANCH
    ) -> Counter:
        """Open a window of a branch, unless said otherwise: a clerk who is nobody's relative, and a terminal."""
        await self._hire.office(office, kind=kind)
        me = await self._make.person(name="经办人")
        clerk = await self._hire(login, role=OperatorRole.CLERK, office=office, who=me)
        return Counter(clerk, await self._install(f"{office}-{login}", office=office), me)


@pytest.fixture
def open_counter(house: House, make: Make, hire: Hire, install: Install) -> Open:
    """Opens counters."""
    return Open(make, hire, install)


@pytest.fixture
async def window(open_counter: Open) -> Counter:
    """A window of a district branch."""
    return await open_counter()


@pytest.fixture
async def hospital(open_counter: Open) -> Counter:
    """The medical insurance office of a hospital."""
    return await open_counter("nurse", office="east-hospital", kind=OfficeKind.HOSPITAL)
