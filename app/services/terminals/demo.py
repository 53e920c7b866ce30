"""The terminals of the demo: keys follow from this installation's keys; development alone makes and shows them."""

import base64
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.db import Database, Session
from app.core.tokens.requests import digest_of, public_key, signature_base
from app.models.terminals import TerminalPurpose
from app.ports.keys import Keys, Purpose
from app.services.operators import demo
from app.services.terminals import registering
from app.services.terminals.registering import NewTerminal, TerminalKnown
from app.services.terminals.requests import HttpRequest

_CODES: Final = frozenset({TerminalPurpose.IDENTIFY, TerminalPurpose.MEDICAL, TerminalPurpose.PAY})
_CARDS: Final = frozenset({TerminalPurpose.COUNTER})
NAME: Final = "demo-terminal"
OFFICE: Final = demo.OFFICE.id
REDEMPTIONS: Final = "/v1/terminals/code-redemptions"
DRAWS: Final = "/v1/terminals/draws"


@dataclass(frozen=True, slots=True)
class DemoTerminal:
    """A terminal of the demo: where it stands, and what for."""

    name: str
    office_id: str
    purposes: frozenset[TerminalPurpose]


TERMINALS: Final = (
    DemoTerminal(NAME, OFFICE, _CODES),
    DemoTerminal("demo-window", OFFICE, _CARDS),
    DemoTerminal("demo-ward", demo.HOSPITAL.id, _CARDS),
)
"""The one that reads codes, and those that read cards at the branch's window and in the hospital."""


async def put(db: Database, keys: Keys) -> None:
    """Add the terminals to the demo's offices, unless they are there or were removed."""
    for terminal in TERMINALS:
        public = private_key(keys, terminal.name).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        new = NewTerminal(terminal.name, terminal.office_id, public_key(pem), terminal.purposes)
        with suppress(TerminalKnown):
            await db.run(partial(_add, new))


def private_key(keys: Keys, name: str = NAME) -> Ed25519PrivateKey:
    """Return a terminal's key, the same at each start."""
    secret = hmac.digest(keys.secret(Purpose.DEMO_STAFF), f"terminal:{name}".encode(), "sha256")
    return Ed25519PrivateKey.from_private_bytes(secret)


async def _add(new: NewTerminal, session: Session) -> None:
    await registering.add(session, new)


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
