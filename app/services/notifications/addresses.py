"""Where the apps of an account can be told something: each device's own address, while somebody is signed in there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.accounts import Account, Assurance, Device, SignedIn
from app.services.accounts.sessions import Caller
from app.services.people import homes

_COLUMN = "device.push_address"


@dataclass(frozen=True, slots=True)
class Address:
    """An installation of an app, on a device."""

    device_id: UUID
    platform: str
    address: str = field(repr=False)


async def of(session: Session, account_id: UUID) -> Sequence[Address]:
    """Return the addresses of an account's devices on which somebody is surely signed in now."""
    living = await _signed_in(session, account_id)
    if not living:
        return ()
    key = await homes.key_of(session, account_id)
    rows = await session.scalars(
        select(Device)
        .where(Device.bucket == bucket_of(account_id), Device.account_id == account_id, Device.id.in_(living))
        .order_by(Device.id)
        .execution_options(populate_existing=True)
    )
    return [
        Address(row.id, row.platform, key.open(_COLUMN, row.id, row.push_address))
        for row in rows
        if row.push_address is not None
    ]


async def put(session: Session, caller: Caller, address: str | None) -> None:
    """Remember, or forget, where the app on the caller's device can be told something.

    Raises:
        NotFound: the device was removed meanwhile.
    """
    device = await _locked(session, caller.device_id)
    if device is None or device.account_id != caller.account_id:
        raise NotFound
    key = await homes.key_of(session, caller.account_id)
    device.push_address = None if address is None else key.seal(_COLUMN, device.id, address)


async def forget(session: Session, gone: Address) -> None:
    """Forget an address that is nobody's any more, unless the app has told another one meanwhile."""
    device = await _locked(session, gone.device_id)
    if device is None or device.push_address is None:
        return
    key = await homes.key_of(session, device.account_id)
    if key.open(_COLUMN, device.id, device.push_address) == gone.address:
        device.push_address = None


async def _signed_in(session: Session, account_id: UUID) -> Sequence[UUID]:
    """Return the devices of an account's living sessions: in its own home and in its person's."""
    person_id = await session.scalar(
        select(Account.person_id).where(Account.bucket == bucket_of(account_id), Account.id == account_id)
    )
    found: list[UUID] = []
    for home_id in [account_id] if person_id is None else [account_id, person_id]:
        found += await session.scalars(
            select(SignedIn.device_id).where(
                SignedIn.bucket == bucket_of(home_id),
                SignedIn.account_id == account_id,
                SignedIn.ended_at.is_(None),
                SignedIn.expires_at > session.now,
                SignedIn.assurance == Assurance.FULL,
            )
        )
    return found


async def _locked(session: Session, device_id: UUID) -> Device | None:
    device: Device | None = await session.get(
        Device, (bucket_of(device_id), device_id), with_for_update=True, populate_existing=True
    )
    return device
