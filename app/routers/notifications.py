"""What the caller was told, and how they wish to be told."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.core.errors import NotFound
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Caller, Language, TheHouse
from app.schemas import notifications as shapes
from app.services.notifications import addresses, reading, wishes

router = APIRouter(prefix="/v1", tags=["notifications"], route_class=StrictRoute)


@router.get("/notifications")
async def list_notifications(
    caller: Caller,
    house: TheHouse,
    language: Language,
    limit: Limit = 20,
    cursor: Cursor = None,
    unread: Annotated[bool, Query(description="Only what was not read")] = False,  # noqa: FBT002 - a query
) -> shapes.NotificationsRead:
    """List what I was told, the newest first."""
    before = cursors.read(cursor)
    listed = await house.db.run(
        lambda session: reading.list_for(session, caller, only_unread=unread, before=before, most=limit + 1)
    )
    found = listed.found
    return shapes.NotificationsRead(
        items=[shapes.NotificationRead.of(told, language) for told in found[:limit]],
        next_cursor=None if len(found) <= limit else cursors.write(found[limit - 1].created_at, found[limit - 1].id),
        unread=listed.unread,
    )


@router.put("/notifications/{notification_id}/read", responses=documented(NotFound))
async def read_notification(
    notification_id: str, caller: Caller, house: TheHouse, language: Language
) -> shapes.NotificationRead:
    """Say that I have read it."""
    wanted = deps.identity(notification_id)
    told = await house.db.run(lambda session: reading.mark_read(session, caller, wanted))
    return shapes.NotificationRead.of(told, language)


@router.put("/notifications/read", responses=documented(NotFound))
async def read_notifications(
    body: shapes.NotificationsReadAsk, caller: Caller, house: TheHouse
) -> shapes.NotificationsMarkedRead:
    """Say that I have read all up to one of them."""
    until = deps.identity(body.until)
    marked = await house.db.run(lambda session: reading.mark_all_read(session, caller, until))
    return shapes.NotificationsMarkedRead(marked=marked)


@router.get("/notifications/preferences")
async def read_notification_preferences(caller: Caller, house: TheHouse) -> shapes.NotificationPreferencesRead:
    """How I am told: the language, and which topics by which ways."""
    found = await house.db.run(lambda session: wishes.of(session, caller.account_id))
    return shapes.NotificationPreferencesRead.of(found, wishes.ALWAYS)


@router.put("/notifications/preferences", responses=documented(wishes.SecurityNoticesStay))
async def set_notification_preferences(
    body: shapes.NotificationPreferencesAsk, caller: Caller, house: TheHouse
) -> shapes.NotificationPreferencesRead:
    """Say how I wish to be told."""
    changed = await house.db.run(
        lambda session: wishes.change(session, caller, language=body.language, topics=body.wished())
    )
    return shapes.NotificationPreferencesRead.of(changed, wishes.ALWAYS)


@router.put("/devices/current/push-address", status_code=204, responses=documented(NotFound))
async def set_push_address(body: shapes.PushAddressAsk, caller: Caller, house: TheHouse) -> None:
    """Say where the app on this device can be told something."""
    await house.db.run(lambda session: addresses.put(session, caller, body.address))


@router.delete("/devices/current/push-address", status_code=204, responses=documented(NotFound))
async def remove_push_address(caller: Caller, house: TheHouse) -> None:
    """Tell the app on this device nothing any more."""
    await house.db.run(lambda session: addresses.put(session, caller, None))
