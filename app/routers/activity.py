"""Who did what for a holder, for oneself and for members."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query

from app.core.errors import FieldError, Invalid, NotFound
from app.problems import documented
from app.routers.cursors import Limit
from app.routers.deps import Caller, Holder, Language, TheHouse
from app.schemas.activity import DeedRead
from app.schemas.base import Page
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards.reading import OwnCardNeeded
from app.services.family import activity

router = APIRouter(prefix="/v1/holders/{holder}/activity", tags=["holders"])
_CURSOR: Final = re.compile(r"[0-9a-f]{1,15}")
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before")]


@router.get("", responses=documented(NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded))
async def read_activity(
    caller: Caller, holder: Holder, house: TheHouse, language: Language, limit: Limit = 50, cursor: Cursor = None
) -> Page[DeedRead]:
    """Who did what for a holder, when and how, the newest first; a member's record keeps the look."""
    found = await activity.read(house.db, caller, holder, before=_read(cursor), most=limit + 1)
    return Page(
        items=[DeedRead.of(deed, language) for deed in found[:limit]],
        next_cursor=None if len(found) <= limit else f"{found[limit - 1].seq:x}",
    )


def _read(cursor: str | None) -> int | None:
    """Return the number of the last one that is known; None without a cursor.

    Raises:
        Invalid: it is none of ours.
    """
    if cursor is None:
        return None
    if _CURSOR.fullmatch(cursor) is None:
        raise Invalid(errors=[FieldError("query:cursor", "pattern")])
    return int(cursor, 16)
