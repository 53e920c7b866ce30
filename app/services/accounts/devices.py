"""The devices an account has signed in on."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.accounts import Device, SessionEnd, SignedIn
from app.services import audit
from app.services.accounts import sessions
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.people import homes


async def list_for(session: Session, caller: Caller) -> Sequence[tuple[Device, str]]:
    """Return the caller's devices, the last used first, each with its name."""
    key = await homes.key_of(session, caller.account_id)
    rows = await session.scalars(
        select(Device)
        .where(Device.bucket == bucket_of(caller.account_id), Device.account_id == caller.account_id)
        .order_by(Device.last_seen_at.desc())
        .limit(100)
    )
    return [(row, key.open("device.name", row.id, row.name)) for row in rows]


async def remove(session: Session, caller: Caller, device_id: UUID) -> None:
    """Forget a device and end its sessions; signing in on it is then signing in on a new one.

    Raises:
        NotFound: it is not the caller's.
    """
    await homes.lock(session, {caller.account_id})  # nobody signs in on it meanwhile
    device: Device | None = await session.get(Device, (bucket_of(device_id), device_id), populate_existing=True)
    if device is None or device.account_id != caller.account_id:
        raise NotFound
    rows = await session.scalars(
        select(SignedIn)
        .where(
            SignedIn.bucket == bucket_of(caller.home_id),
            SignedIn.account_id == caller.account_id,
            SignedIn.device_id == device_id,
        )
        .order_by(SignedIn.id)
        .with_for_update()
    )
    for row in rows:
        await sessions.end_one(session, row, SessionEnd.DEVICE_REMOVED, caller.actor)
    await session.delete(device)
    await audit.record(
        session,
        Action.DEVICE_REMOVED,
        home_id=caller.home_id,
        actor=caller.actor,
        facts={"device_id": str(device_id)},
    )
