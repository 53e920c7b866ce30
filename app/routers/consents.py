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
from app.services.family import consenting
from app.services.privacy import consents as agreed

router = APIRouter(prefix="/v1", tags=["consents"])


@router.get("/consents")
async def list_consents(
    caller: Caller,
    house: TheHouse,
    language: Language,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ConsentRead]:
    """List what I have agreed to, withdrawn or not, the newest first, and what taking it back would do."""
    before = cursors.read(cursor)
    found = await house.db.run(lambda session: agreed.every(session, caller, before=before, most=limit + 1))
    return Page(
        items=[ConsentRead.of(view, language) for view in found[:limit]],
        next_cursor=None if len(found) <= limit else cursors.write(found[limit - 1].given_at, found[limit - 1].id),
    )


@router.delete("/consents/{consent_id}", status_code=204, responses=documented(NotFound))
async def withdraw_consent(consent_id: str, caller: Caller, house: TheHouse) -> None:
    """Take a consent back; what rested on it is undone at once."""
    wanted = deps.identity(consent_id)
    await house.db.run(lambda session: consents.withdraw(session, caller, wanted))


@router.get("/family/owners/{link_id}/consents", responses=documented(NotFound))
async def list_consents_for_me(link_id: str, caller: Caller, house: TheHouse, language: Language) -> Page[ConsentRead]:
    """What somebody who has added me agreed to for me; from 14 on it is mine to take back."""
    wanted = deps.identity(link_id)
    found = await house.db.run(lambda session: consenting.list_for_me(session, caller, wanted))
    here = f"/v1/family/owners/{wanted}/consents"
    given = [agreed.of_enrolment(view, f"{here}/{view.consent.id}") for view in found]
    return Page(items=[ConsentRead.of(each, language) for each in given])


@router.delete("/family/owners/{link_id}/consents/{consent_id}", status_code=204, responses=documented(NotFound))
async def withdraw_consent_for_me(link_id: str, consent_id: str, caller: Caller, house: TheHouse) -> None:
    """Take back what was agreed to for me; what rested on it is undone at once."""
    link, wanted = deps.identity(link_id), deps.identity(consent_id)
    await house.db.run(lambda session: consenting.withdraw(session, caller, link, wanted))
