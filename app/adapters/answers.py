"""Reads answers of other systems, and never more of one than it may have."""

from collections.abc import AsyncIterable


async def whole(pieces: AsyncIterable[bytes], most_bytes: int, too_long: Exception) -> bytes:
    """Return the body of an answer that comes in pieces, as `aiter_raw` gives them without taking anything apart.

    Raises:
        too_long: it has more than `most_bytes`.
    """
    said = bytearray()
    async for piece in pieces:
        said += piece
        if len(said) > most_bytes:
            raise too_long
    return bytes(said)
