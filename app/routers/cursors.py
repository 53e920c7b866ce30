"""Where a list goes on: after the moment and the id of its last row."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from app.core.errors import FieldError, Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"([0-9a-f]{1,14})-([0-9a-f]{32})")  # to the year 4253

Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before")]


def write(moment: datetime, row_id: UUID) -> str:
    """Return the cursor behind a row."""
    return f"{(moment - _EPOCH) // _MICROSECOND:x}-{row_id.hex}"


def read(cursor: str | None, pointer: str = "query:cursor") -> tuple[datetime, UUID] | None:
    """Return the moment and the id of the last row that is known; None without a cursor.

    Raises:
        Invalid: it is none of ours.
    """
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Invalid(errors=[FieldError(pointer, "pattern")])
    return _EPOCH + int(match[1], 16) * _MICROSECOND, UUID(match[2])
