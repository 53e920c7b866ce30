"""The floor of codes: the same statements, signatures and seals by hand, and nothing else."""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.core.db import bucket_of
from app.core.sealing import Chain
from app.core.tokens.codes import Shown
from app.core.tokens.requests import SignedRequest
from app.models.audit import ActorKind, AuditEvent
from app.ports.keys import Purpose
from app.routers.deps import House
from app.services import audit
from app.services.showings.issuing import OWN
from app.services.terminals.requests import TERMINAL, bucket_of_name

_NONCE: Final = """
INSERT INTO terminal_request (bucket, terminal_id, nonce, digest, heard_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING nonce
"""
_HOLDER: Final = """
SELECT h.wrapped_key, p.name, p.number, p.account_id, c.card_number, c.level, c.region, c.physical_status,
       c.activated_at, c.suspended_at, c.closed_at, i.issue_number
FROM person p
JOIN home h ON h.bucket = p.bucket AND h.id = p.id
JOIN card c ON c.bucket = p.bucket AND c.person_id = p.id
LEFT JOIN card_issue i ON i.bucket = c.bucket AND i.person_id = c.person_id AND i.channel = $3
WHERE p.bucket = $1 AND p.id = $2
"""
_DEVICE: Final = "SELECT account_id FROM device WHERE bucket = $1 AND id = $2"
_REDEEM: Final = """
INSERT INTO redemption (bucket, code_id, holder_id, link_id, purpose, terminal_id, nonce, redeemed_at)
VALUES ($1, $2, $3, NULL, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING redeemed_at
"""
_HEAD: Final = "SELECT seq, mac FROM audit_head WHERE bucket = $1 AND home_id = $2 FOR UPDATE"
_ADVANCE: Final = "UPDATE audit_head SET seq = $3, mac = $4 WHERE bucket = $1 AND home_id = $2"
_EVENT: Final = """
INSERT INTO audit_event
       (bucket, home_id, seq, at, action, actor_kind, actor_id, on_behalf_of, request_id, facts, mac)
VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8, $9, $10)
"""


class CodeFloor:
    """Two routes over the pool of the floor."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._chain = Chain(house.ports.keys.secret(Purpose.AUDIT), house.settings.cipher_suite)
        self.pool: Any = None

    @property
    def routes(self) -> list[Route]:
        """A code for one's own card, and its redemption."""
        return [
            Route("/v1/holders/me/card/codes", self.issue, methods=["POST"]),
            Route("/v1/terminals/code-redemptions", self.redeem, methods=["POST"]),
        ]

    async def issue(self, request: Request) -> Response:
        """A code for one's own card."""
        claims = self._house.mint.access.verify(request.headers["authorization"][7:])
        row = (await self.pool.fetch(OWN, bucket_of(claims.session_id), claims.session_id))[0]
        code = self._house.codes.issue("identify", Shown(row["person_id"], row["device_id"], row["channel"]))
        return _json({"code": code.text, "expires_at": code.expires_at})

    async def redeem(self, request: Request) -> Response:
        """Who shows which card."""
        body = await request.body()
        signed = SignedRequest.read("POST", request.scope["path"], request.headers, body)
        bucket = bucket_of_name(self._house.db.lookup, signed.key_id)
        terminal = (await self.pool.fetch(TERMINAL, bucket, signed.key_id))[0]
        assert signed.is_by(terminal["public_key"])
        code = self._house.codes.read(orjson.loads(body)["code"])
        async with self.pool.acquire() as connection, connection.transaction():
            row = await self._redeem(connection, signed, terminal, code)
        key = self._house.db.vault.cached(row["wrapped_key"]) or await self._house.db.vault.unlock(row["wrapped_key"])
        holder_id = code.shown.holder_id
        return _json(
            {
                "purpose": code.purpose,
                "name": key.open("person.name", holder_id, row["name"]),
                "social_security_number": key.open("person.number", holder_id, row["number"]),
                "card_number": key.open("card.card_number", holder_id, row["card_number"]),
                "level": row["level"],
                "region": row["region"],
                "physical_card": row["physical_status"],
            }
        )

    async def _redeem(self, connection: Any, signed: SignedRequest, terminal: Any, code: Any) -> Any:
        now, holder_id = datetime.now(UTC), code.shown.holder_id
        bucket, terminal_id = bucket_of(holder_id), terminal["id"]
        await connection.fetch(_NONCE, bucket_of(terminal_id), terminal_id, signed.nonce, signed.digest, now)
        row = (await connection.fetch(_HOLDER, bucket, holder_id, code.shown.channel))[0]
        device = code.shown.device_id
        assert (await connection.fetch(_DEVICE, bucket_of(device), device))[0]["account_id"] == row["account_id"]
        await connection.fetch(_REDEEM, bucket, code.id, holder_id, code.purpose, terminal_id, signed.nonce, now)
        facts = {"purpose": code.purpose, "terminal_id": str(terminal_id), "office": terminal["office_id"]}
        head = (await connection.fetch(_HEAD, bucket, holder_id))[0]
        event = AuditEvent(
            bucket=bucket, home_id=holder_id, seq=head["seq"] + 1, at=now, action="code.redeemed", facts=facts,
            actor_kind=ActorKind.PERSON, actor_id=holder_id, on_behalf_of=None, request_id=uuid.uuid4().hex,
        )  # fmt: skip
        mac = self._chain.mac(head["mac"], audit.content(event))
        await connection.execute(_ADVANCE, bucket, holder_id, event.seq, mac)
        await connection.execute(
            _EVENT, bucket, holder_id, event.seq, now, event.action, "person", holder_id, event.request_id,
            orjson.dumps(facts).decode(), mac,
        )  # fmt: skip
        return row


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
