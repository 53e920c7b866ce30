"""Writes rules into the database as the role that owns the tables: the server's own may only read them."""

import json
from datetime import date, datetime
from typing import Any, Final

import asyncpg

_PUT: Final = """
INSERT INTO policy (code, region, valid_from, valid_to, value) VALUES ($1, $2, $3, $4, $5::jsonb)
ON CONFLICT (code, region, valid_from) DO UPDATE SET valid_to = excluded.valid_to, value = excluded.value
"""

_BEFORE: Final = "SELECT value FROM policy WHERE code = $1 AND region = $2 AND valid_from = $3 FOR UPDATE"
_NOTE: Final = """
INSERT INTO policy_change (at, code, region, valid_from, valid_to, value, before, set_by)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8)
"""


async def put(
    url: str,
    *,
    code: str,
    region: str,
    valid_from: date,
    valid_to: date | None,
    value: dict[str, Any],
    set_by: str,
    at: datetime,
) -> None:
    """Write the value of a rule from a day on, in place of what was to hold from that very day, and who has set it.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the database cannot be reached, or does not let this role.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction():
            before = await connection.fetchval(_BEFORE, code, region, valid_from)
            await connection.execute(_PUT, code, region, valid_from, valid_to, json.dumps(value))
            await connection.execute(_NOTE, at, code, region, valid_from, valid_to, json.dumps(value), before, set_by)
    finally:
        await connection.close()
