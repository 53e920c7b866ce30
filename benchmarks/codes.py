"""What the benchmark of presentation codes needs: a terminal, whom codes are shown of, and requests that come once."""

import base64
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.tokens.access import AccessClaims
from app.core.tokens.codes import PresentationCodes, Shown
from app.core.tokens.requests import digest_of, public_key, signature_base
from app.models.accounts import SignedIn
from app.models.operators import OfficeKind
from app.models.showings import ShowingPurpose
from app.models.terminals import TerminalPurpose
from app.services.operators import offices
from app.services.operators.offices import NewOffice
from app.services.terminals import registering
from app.services.terminals.registering import NewTerminal

ISSUE: Final = "/v1/holders/me/card/codes"
REDEEM: Final = "/v1/terminals/code-redemptions"
_NAME: Final = "bench"


@dataclass(frozen=True, slots=True)
class Scanner:
    """A terminal with its key, before which people show their cards in turn."""

    key: Ed25519PrivateKey
    shown: Sequence[Shown]

    def requests(self, codes: PresentationCodes, count: int) -> list[bytes]:
        """Return so many requests, each with a code and a nonce of its own; they are good for a minute."""
        return [
            self._request(codes.issue(ShowingPurpose.IDENTIFY.value, shown).text)
            for shown in islice(cycle(self.shown), count)
        ]

    def _request(self, code: str) -> bytes:
        body = json.dumps({"code": code}).encode()
        digest = digest_of(body)
        params = (
            f'("@method" "@path" "content-digest");created={int(time.time())};keyid="{_NAME}"'
            f';nonce="{secrets.token_urlsafe(18)}"'
        )
        base = signature_base([("@method", "POST"), ("@path", REDEEM), ("content-digest", digest)], params)
        signature = base64.b64encode(self.key.sign(base)).decode()
        return (
            f"POST {REDEEM} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAccept-Language: zh-CN\r\n"
            f"User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Content-Digest: {digest}\r\nSignature-Input: sig={params}\r\nSignature: sig=:{signature}:\r\n\r\n"
        ).encode() + body


async def install(session: Session, claims: Sequence[AccessClaims]) -> Scanner:
    """Add an office with a terminal; return it with what every holder's phone would show."""
    key = Ed25519PrivateKey.generate()
    text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    office = NewOffice(_NAME, "window", OfficeKind.DISTRICT_BRANCH, "100101", "street", "9-17", "12333")
    await offices.add(session, office)
    await registering.add(session, NewTerminal(_NAME, office.id, public_key(text), frozenset(TerminalPurpose)))
    return Scanner(key, [await _shown(session, each) for each in claims])


async def _shown(session: Session, claims: AccessClaims) -> Shown:
    found = await session.execute(
        select(SignedIn.person_id, SignedIn.device_id, SignedIn.channel).where(
            SignedIn.bucket == bucket_of(claims.session_id), SignedIn.id == claims.session_id
        )
    )
    person_id, device_id, channel = found.one()
    assert person_id is not None
    return Shown(person_id, device_id, channel)
