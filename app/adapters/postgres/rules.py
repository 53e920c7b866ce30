"""Writes rules into the database as the role that owns the tables: the server's own may only read them."""

import json
from datetime import date
from typing import Any, Final

import asyncpg

_PUT: Final = """
INSERT INTO policy (code, region, valid_from, valid_to, value) VALUES ($1, $2, $3, $4, $5::jsonb)
ON CONFLICT (code, region, valid_from) DO UPDATE SET valid_to = excluded.valid_to, value = excluded.value
"""


async def put(
    url: str, *, code: str, region: str, valid_from: date, valid_to: date | None, value: dict[str, Any]
) -> None:
    """Write the value of a rule from a day on, in place of what was to hold from that very day.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the database cannot be reached, or does not let this role.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(_PUT, code, region, valid_from, valid_to, json.dumps(value))
    finally:
        await connection.close()
