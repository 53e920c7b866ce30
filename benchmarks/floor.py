"""The floor: the same statements, the same token check, the same sealed columns opened, and nothing else.

Starlette, asyncpg, orjson. No request id, no limits, no log line, no masks, no ages, no words, no rules, no schema.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.core.db import bucket_of
from app.core.sealing import DataKey
from app.routers.deps import House
from app.services.cards.reading import OWN_CARD
from app.services.family.reading import PAGE
from benchmarks.floor_codes import CodeFloor


class Floor:
    """All routes over one pool."""

    def __init__(self, url: str, house: House, *, connections: int) -> None:
        self._url = url
        self._tokens = house.mint.access
        self._vault = house.db.vault
        self._codes = CodeFloor(house)
        self._connections = connections
        self._pool: Any = None

    def app(self) -> Starlette:
        """Make the server."""
        reads = [Route("/v1/holders/me/card", self.card), Route("/v1/family", self.family)]
        return Starlette(routes=[*reads, *self._codes.routes], lifespan=self._lifespan)

    async def card(self, request: Request) -> Response:
        """One's own card."""
        rows, key = await self._read(request, OWN_CARD)
        row = rows[0]
        person_id = row["person_id"]
        return _json(
            {
                "name": key.open("person.name", person_id, row["name"]),
                "social_security_number": key.open("person.number", person_id, row["number"]),
                "card_number": key.open("card.card_number", person_id, row["card_number"]),
                "level": row["level"],
                "region": row["region"],
                "physical_card": row["physical_status"],
                "issue_number": row["issue_number"],
                "issued_at": row["issued_at"],
                "suspended_at": row["suspended_at"],
                "closed_at": row["closed_at"],
            }
        )

    async def family(self, request: Request) -> Response:
        """The family page."""
        rows, key = await self._read(request, PAGE)
        return _json(
            {
                "members": [_member(key, row) for row in rows if row["side"] == "member"],
                "owners": [_owner(key, row) for row in rows if row["side"] == "owner"],
            }
        )

    async def _read(self, request: Request, statement: str) -> tuple[list[Any], DataKey]:
        claims = self._tokens.verify(request.headers["authorization"][7:])
        rows = await self._pool.fetch(statement, bucket_of(claims.session_id), claims.session_id)
        wrapped = rows[0]["wrapped_key"]
        return rows, self._vault.cached(wrapped) or await self._vault.unlock(wrapped)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        # Without `reset` asyncpg's pool would make a second trip for every read.
        async with asyncpg.create_pool(
            self._url, min_size=self._connections, max_size=self._connections, command_timeout=10, reset=_nothing
        ) as self._pool:
            self._codes.pool = self._pool
            yield


def _member(key: DataKey, row: Any) -> dict[str, object]:
    link_id = row["link_id"]
    return {
        "link_id": str(link_id),
        "name": key.open("family_link.member_name", link_id, row["name"]),
        "social_security_number": key.open("family_link.member_number", link_id, row["number"]),
        "birth_date": key.open("family_link.member_birth_date", link_id, row["birth_date"]),
        "relationship": row["relationship"],
        "place": row["place"],
        "state": row["state"],
        "since": row["since"],
        "view": row["may_view"],
        "show_code": row["may_show_code"],
        "certify": row["may_certify"],
        "file": row["may_file"],
        "pay": row["may_pay"],
    }


def _owner(key: DataKey, row: Any) -> dict[str, object]:
    return {
        "link_id": str(row["link_id"]),
        "name": key.open("member_slot.owner_name", row["link_id"], row["name"]),
        "relationship": row["relationship"],
        "state": row["state"],
        "since": row["since"],
    }


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


async def _nothing(_: object) -> None:
    """Leave the connection as it is."""
