"""What the caller has agreed to, and taking it back."""

from fastapi import APIRouter

from app.core.errors import NotFound
from app.problems import documented
from app.routers import cursors, deps
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Caller, Language, TheHouse
from app.schemas.base import Page
from app.schemas.consents import ConsentRead
from app.services.enrolments import consents

router = APIRouter(prefix="/v1/consents", tags=["consents"])


@router.get("")
async def list_consents(
    caller: Caller,
    house: TheHouse,
    language: Language,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ConsentRead]:
    """List what I have agreed to, withdrawn or not, the newest first, and what taking it back would do."""
    before = cursors.read(cursor)
    found = await house.db.run(lambda session: consents.list_given(session, caller, before=before, most=limit + 1))
    return Page(
        items=[ConsentRead.of(view, language) for view in found[:limit]],
        next_cursor=None
        if len(found) <= limit
        else cursors.write(found[limit - 1].consent.given_at, found[limit - 1].consent.id),
    )


@router.delete("/{consent_id}", status_code=204, responses=documented(NotFound))
async def withdraw_consent(consent_id: str, caller: Caller, house: TheHouse) -> None:
    """Take a consent back; what rested on it is undone at once."""
    wanted = deps.identity(consent_id)
    await house.db.run(lambda session: consents.withdraw(session, caller, wanted))
