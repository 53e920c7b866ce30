"""Those who work here: added as `escard operators add` does, signed in with both factors."""

import base64
import hashlib
import hmac
import secrets
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from app.models.operators import OfficeKind, OperatorRole
from app.routers.deps import House
from app.services.operators import offices, registering
from app.services.operators.offices import NewOffice, OfficeKnown
from app.services.operators.registering import Factors, NewOperator
from tests.factories.make import Make, Someone

JSON = dict[str, Any]
EVERYWHERE = "000000"


def code_at(secret: bytes, moment: float) -> str:
    """Return the code of a moment as RFC 6238 and RFC 4226 §5.3 say: written here once more, by hand."""
    mac = hmac.digest(secret, struct.pack(">Q", int(moment) // 30), hashlib.sha1)
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def secret_in(address: str) -> bytes:
    """Return the secret that an authenticator app reads from an `otpauth` address."""
    written = parse_qs(urlsplit(address).query)["secret"][0]
    return base64.b32decode(written + "=" * (-len(written) % 8))


@dataclass
class Worker:
    """One of the staff before their screen."""

    client: httpx.AsyncClient
    house: House
    id: UUID
    login: str
    factors: Factors
    token: str = ""
    session_id: str = ""

    @property
    def code(self) -> str:
        """What the authenticator app shows now."""
        return code_at(self.factors.totp_secret, self.house.db.clock.now().timestamp())

    async def sign_in(self, **instead: str) -> httpx.Response:
        """Sign in; take over the token."""
        asked = {"login": self.login, "password": self.factors.password, "totp": self.code} | instead
        answer = await self.client.post("/v1/staff/sessions", json=asked)
        if answer.status_code == 201:
            self.token, self.session_id = answer.json()["access_token"], answer.json()["session_id"]
        return answer

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Send one request with the session's token, and a new Idempotency-Key for a POST."""
        given = {"Authorization": f"Bearer {self.token}"}
        given |= {"Idempotency-Key": secrets.token_hex(8)} if method == "POST" else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, json=body, headers=given)


class Hire:
    """Adds staff; everything has defaults."""

    def __init__(self, client: httpx.AsyncClient, house: House) -> None:
        self._client = client
        self._house = house

    async def office(self, office_id: str = "main-office", *, region: str = EVERYWHERE, **facts: Any) -> str:
        """Open an office, unless it is there."""
        known = {"name": "服务窗口", "kind": OfficeKind.DISTRICT_BRANCH, "address": "大街 1 号", "hours": "9–17"}
        new = NewOffice(id=office_id, region=region, **{**known, "phone": "12333", **facts})

        with suppress(OfficeKnown):
            await self._house.db.run(lambda session: offices.add(session, new))
        return office_id

    async def __call__(
        self,
        login: str = "li",
        *,
        role: OperatorRole = OperatorRole.REVIEWER,
        office: str = "main-office",
        region: str = EVERYWHERE,
        who: Someone | None = None,
        signed_in: bool = True,
    ) -> Worker:
        """Add one of the staff: a reviewer for everywhere, nobody's relative, signed in, unless said otherwise."""
        await self.office(office, region=region)
        factors = await registering.new_factors(self._house.passwords)
        if who is None and role is OperatorRole.REVIEWER:
            who = await Make(self._client, self._house).person(name="审核人")
        new = NewOperator(login, role, office, None if who is None else who.id)
        added = await self._house.db.run(lambda session: registering.add(session, new, factors))
        worker = Worker(self._client, self._house, added.id, login, factors)
        if signed_in:
            answer = await worker.sign_in()
            assert answer.status_code == 201, answer.text
        return worker


@pytest.fixture
def hire(client: httpx.AsyncClient, house: House) -> Hire:
    """Adds staff."""
    return Hire(client, house)
