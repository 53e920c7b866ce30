"""The terminal of the demo: its key follows from this installation's keys; development alone makes and shows it."""

import base64
import hmac
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.db import Database
from app.core.tokens.requests import digest_of, public_key, signature_base
from app.models.terminals import TerminalPurpose
from app.ports.keys import Keys, Purpose
from app.services.operators import demo
from app.services.terminals import registering
from app.services.terminals.registering import NewTerminal, TerminalKnown
from app.services.terminals.requests import HttpRequest

NAME: Final = "demo-terminal"
OFFICE: Final = demo.OFFICE.id
REDEMPTIONS: Final = "/v1/terminals/code-redemptions"
DRAWS: Final = "/v1/terminals/draws"


async def put(db: Database, keys: Keys) -> None:
    """Add the terminal to the demo's office, unless it is there or was removed; it is for everything."""
    public = private_key(keys).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    new = NewTerminal(NAME, OFFICE, public_key(public), frozenset(TerminalPurpose))
    with suppress(TerminalKnown):
        await db.run(lambda session: registering.add(session, new))


def private_key(keys: Keys) -> Ed25519PrivateKey:
    """Return the terminal's key, the same at each start."""
    secret = hmac.digest(keys.secret(Purpose.DEMO_STAFF), f"terminal:{NAME}".encode(), "sha256")
    return Ed25519PrivateKey.from_private_bytes(secret)


def request(keys: Keys, path: str, body: bytes, now: datetime) -> HttpRequest:
    """Return a POST to a path, signed as every terminal signs."""
    digest = digest_of(body)
    params = (
        f'("@method" "@path" "content-digest");created={int(now.timestamp())};keyid="{NAME}"'
        f';nonce="{secrets.token_urlsafe(18)}"'
    )
    base = signature_base([("@method", "POST"), ("@path", path), ("content-digest", digest)], params)
    signature = base64.b64encode(private_key(keys).sign(base)).decode()
    headers = {"content-digest": digest, "signature-input": f"sig={params}", "signature": f"sig=:{signature}:"}
    return HttpRequest("POST", path, headers, body)
