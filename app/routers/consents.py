"""What the caller has agreed to, and taking it back."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from app.core.errors import FieldError, Invalid, NotFound
from app.problems import documented
from app.routers import deps
from app.routers.deps import Caller, TheHouse
from app.schemas.base import Page
from app.schemas.consents import ConsentRead
from app.services.enrolments import consents
from app.services.enrolments.consents import ConsentView

router = APIRouter(prefix="/v1/consents", tags=["consents"])

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"([0-9a-f]{1,14})-([0-9a-f]{32})")  # to the year 4253


@router.get("")
async def list_consents(
    caller: Caller,
    house: TheHouse,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before")] = None,
) -> Page[ConsentRead]:
    """List what I have agreed to, withdrawn or not, the newest first."""
    before = None if cursor is None else _read_cursor(cursor)
    found = await house.db.run(lambda session: consents.list_given(session, caller, before=before, most=limit + 1))
    return Page(
        items=[ConsentRead.of(view) for view in found[:limit]],
        next_cursor=_cursor(found[limit - 1]) if len(found) > limit else None,
    )


@router.delete("/{consent_id}", status_code=204, responses=documented(NotFound))
async def withdraw_consent(consent_id: str, caller: Caller, house: TheHouse) -> None:
    """Take a consent back; what rested on it is undone at once."""
    wanted = deps.identity(consent_id)
    await house.db.run(lambda session: consents.withdraw(session, caller, wanted))


def _cursor(last: ConsentView) -> str:
    return f"{(last.consent.given_at - _EPOCH) // _MICROSECOND:x}-{last.consent.id.hex}"


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Invalid(errors=[FieldError("query:cursor", "pattern")])
    return _EPOCH + int(match[1], 16) * _MICROSECOND, UUID(match[2])
