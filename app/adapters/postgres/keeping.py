"""What a database says of the key file that it was written with; quick, for every start asks it."""

from dataclasses import dataclass, field
from typing import Final

import asyncpg

_WRAPPED: Final = "SELECT wrapped_key FROM home WHERE octet_length(wrapped_key) > 0 LIMIT 1"
_BEGUN: Final = "SELECT DISTINCT job, target FROM rekey_part WHERE job IN ('pepper', 'wrapping')"


@dataclass(frozen=True, slots=True)
class Kept:
    """Somebody's data key as it is wrapped, None where there is nobody; and the keys that re-keying has led to.

    Those are kinds and versions, as the key file numbers them.
    """

    wrapped_key: bytes | None = field(repr=False)
    led_to: frozenset[tuple[str, int]]


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
