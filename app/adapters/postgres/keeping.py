"""What a database says of the settings that it is opened with; quick, for every start asks it."""

from dataclasses import dataclass, field
from typing import Final

import asyncpg

_WRAPPED: Final = "SELECT wrapped_key FROM home WHERE octet_length(wrapped_key) > 0 LIMIT 1"
_BEGUN: Final = "SELECT DISTINCT job, target FROM rekey_part WHERE job IN ('pepper', 'wrapping')"

_CHANNEL: Final = "SELECT is_open FROM channel WHERE name = $1 AND status <> 'removed'"


@dataclass(frozen=True, slots=True)
class Kept:
    """Somebody's data key as it is wrapped, None where there is nobody; and the keys that re-keying has led to.

    Those are kinds and versions, as the key file numbers them.
    """

    wrapped_key: bytes | None = field(repr=False)
    led_to: frozenset[tuple[str, int]]


async def is_open(url: str, channel: str) -> bool | None:
    """Say whether a channel is open; None where there is none of this name.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the database cannot be reached.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        found: bool | None = await connection.fetchval(_CHANNEL, channel)
    finally:
        await connection.close()
    return found


async def kept(url: str) -> Kept:
    """Look what a database was written with.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: it cannot be reached.
    """
    connection = await asyncpg.connect(url, timeout=10)
    try:
        wrapped: bytes | None = await connection.fetchval(_WRAPPED)
        begun = await connection.fetch(_BEGUN)
    finally:
        await connection.close()
    return Kept(wrapped, frozenset((row["job"], int(row["target"])) for row in begun))
