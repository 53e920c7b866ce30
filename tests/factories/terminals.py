"""Terminals before which codes are shown: added as `escard terminals add` does, signing what they ask by hand."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.tokens.requests import public_key
from app.models.terminals import TerminalPurpose
from app.routers.deps import House
from app.services.terminals import registering
from app.services.terminals.registering import NewTerminal
from tests.factories.staff import Hire

REDEMPTIONS = "/v1/terminals/code-redemptions"
ALL = frozenset(TerminalPurpose)

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class Terminal:
    """A device at an office, with its key."""

    client: httpx.AsyncClient
    house: House
    name: str
    key: PrivateKey

    async def redeem(self, code: str, **signing: Any) -> httpx.Response:
        """Redeem a code; `signing` as `signed` takes it."""
        return await self.send(self.signed({"code": code}, **signing))

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request that is signed already; sent again, it is the very same."""
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        return await self.client.send(copy)

    def signed(
        self,
        body: object,
        *,
        nonce: str | None = None,
        created: int | None = None,
        key: PrivateKey | None = None,
        keyid: str | None = None,
        method: str = "POST",
        path: str = REDEMPTIONS,
        session: str | None = None,
        **headers: str,
    ) -> httpx.Request:
        """Return a request with a signature as RFC 9421 has it, written here by hand; bytes are a body as it is.

        With a `session` of one of the staff, that is signed too.
        """
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"
        when = int(self.house.db.clock.now().timestamp()) if created is None else created
        covered = '"@method" "@path" "content-digest"' + ("" if session is None else ' "authorization"')
        params = f'({covered});created={when};keyid="{keyid or self.name}";nonce="{nonce or secrets.token_urlsafe(18)}"'
        lines = [f'"@method": {method}', f'"@path": {path}', f'"content-digest": {digest}']
        lines += [] if session is None else [f'"authorization": Bearer {session}']
        base = "\n".join([*lines, f'"@signature-params": {params}'])
        signature = base64.b64encode(sign(key or self.key, base.encode())).decode()
        said = {
            "Content-Type": "application/json",
            "Content-Digest": digest,
            "Signature-Input": f"sig={params}",
            "Signature": f"sig=:{signature}:",
        }
        said |= {} if session is None else {"Authorization": f"Bearer {session}"}
        return self.client.build_request(method, path, content=content, headers=said | _dashed(headers))


class Install:
    """Adds terminals; everything has defaults."""

    def __init__(self, client: httpx.AsyncClient, house: House, hire: Hire) -> None:
        self._client = client
        self._house = house
        self._hire = hire

    async def __call__(
        self,
        name: str = "desk-1",
        *,
        purposes: frozenset[TerminalPurpose] = ALL,
        key: PrivateKey | None = None,
        office: str = "main-office",
    ) -> Terminal:
        """Add a terminal that reads codes for everything, unless said otherwise."""
        await self._hire.office(office)
        key = key or Ed25519PrivateKey.generate()
        text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        new = NewTerminal(name, office, public_key(text), purposes)
        await self._house.db.run(lambda session: registering.add(session, new))
        return Terminal(self._client, self._house, name, key)


@pytest.fixture
def install(client: httpx.AsyncClient, house: House, hire: Hire) -> Install:
    """Adds terminals."""
    return Install(client, house, hire)


def sign(key: PrivateKey, text: bytes) -> bytes:
    """Sign as RFC 9421 §3.3 says; ECDSA is r and s side by side."""
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(text)
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
