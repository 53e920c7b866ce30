"""Channels that call us themselves: registered as `escard channels` does, signing by hand."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.models.channels import ChannelKind, ChannelService
from app.routers.deps import House
from app.services.channel_registry import keys, registering
from app.services.channel_registry.registering import NewChannel
from tests.factories.sm2 import Sm2Key

TOKEN = "/v1/channels/token"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Sm2Key


@dataclass
class ChannelClient:
    """A channel, and the key that it signs with."""

    client: httpx.AsyncClient
    house: House
    name: str
    key: PrivateKey
    kid: str

    @classmethod
    async def register(
        cls,
        client: httpx.AsyncClient,
        house: House,
        name: str = "bank",
        *,
        key: PrivateKey | None = None,
        entry: str = "https://bank.example/cards",
        services: frozenset[ChannelService] = frozenset(ChannelService),
    ) -> "ChannelClient":
        """Add a channel with a key of its own."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        [jwk] = keys.read(_public(key), sm2_id=key.user_id if isinstance(key, Sm2Key) else None)
        new = NewChannel(name, ChannelKind.BANK_APP, services=services, entry=entry)
        await house.db.run(lambda session: registering.add(session, new))
        await house.db.run(lambda session: keys.add(session, name, [jwk]))
        return cls(client, house, name, key, jwk["kid"])

    @property
    def public(self) -> bytes:
        """Its public key, in PEM."""
        return _public(self.key)

    @property
    def audience(self) -> str:
        """Whom it signs for."""
        return self.house.settings.public_url.rstrip("/") + TOKEN

    def claims(self, **other: Any) -> dict[str, Any]:
        """What it says of itself, and of now."""
        now = int(self.house.db.clock.now().timestamp())
        said = {"iss": self.name, "sub": self.name, "aud": self.audience, "iat": now, "exp": now + 60}
        return {**said, "jti": secrets.token_urlsafe(16), **other}

    def signed(
        self, claims: dict[str, Any], header: dict[str, Any] | None = None, key: PrivateKey | None = None
    ) -> str:
        """Return a JWT, made by hand."""
        key = key or self.key
        head = {"alg": _algorithm(key), "kid": self.kid, "typ": "JWT"} | (header or {})
        said = f"{_word(json.dumps(head).encode())}.{_word(json.dumps(claims).encode())}"
        return f"{said}.{_word(_signature(key, said.encode()))}"

    async def ask(self, assertion: str | None = None, **fields: str) -> httpx.Response:
        """Ask for a token."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": TYPE,
            "client_assertion": assertion or self.signed(self.claims()),
        }
        return await self.client.post(TOKEN, data=form | fields)

    async def token(self, **fields: str) -> str:
        """Get a token."""
        answer = await self.ask(**fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """Call for itself; `path` goes on behind its own."""
        headers = {"Authorization": f"Bearer {token or await self.token()}"}
        return await self.client.request(method, f"/v1/channels/{self.name}{path}", headers=headers, **more)

    async def launch(self, channel: str | None = None, **claims: Any) -> httpx.Response:
        """Have something opened."""
        said = {name: value for name, value in self.claims(**claims).items() if name != "sub"}
        signed = self.signed(said, {"typ": "launch+jwt"})
        return await self.client.post(f"/v1/channels/{channel or self.name}/launches", json={"launch": signed})


def _algorithm(key: PrivateKey) -> str:
    if isinstance(key, Sm2Key):
        return "urn:escard:alg:sm2-sm3"
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"


def _public(key: PrivateKey) -> bytes:
    if isinstance(key, Sm2Key):
        return key.public
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _signature(key: PrivateKey, said: bytes) -> bytes:
    if isinstance(key, Sm2Key):
        return key.sign(said)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(said, padding.PKCS1v15(), SHA256())
    r, s = decode_dss_signature(key.sign(said, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _word(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
