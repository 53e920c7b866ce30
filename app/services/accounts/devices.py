"""The devices an account has signed in on."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import NotFound
from app.models.accounts import Account, Device, SessionEnd, SignedIn, SmsPurpose
from app.services import audit, outbox
from app.services.accounts import codes, ending, logins, profile, sessions
from app.services.accounts.sessions import Caller, DeviceInfo
from app.services.audit import Action
from app.services.people import homes


async def meet(
    session: Session, account: Account, info: DeviceInfo, *, is_trusted: bool, is_phone_checked: bool
) -> Device:
    """Return the account's device, made when first seen; the holder is told of a new one. The home is locked."""
    key = await homes.key_of(session, account.id)
    digests = logins.device_digests(session, account.id, info.id)
    device: Device | None = await session.scalar(
        select(Device).where(
            Device.bucket == account.bucket, Device.account_id == account.id, Device.device_hmac.in_(digests)
        )
    )
    if device is not None:
        device.device_hmac = digests[0]
        device.last_seen_at = session.now
        device.is_trusted = device.is_trusted or is_trusted
        if is_phone_checked:
            device.phone_checked_at = session.now
        return device
    device_id = new_id(account.bucket)
    device = Device(
        bucket=account.bucket,
        id=device_id,
        account_id=account.id,
        device_hmac=digests[0],
        name=key.seal("device.name", device_id, info.name),
        platform=info.platform,
        is_trusted=is_trusted,
        phone_checked_at=session.now if is_phone_checked else None,
        first_seen_at=session.now,
        last_seen_at=session.now,
    )
    session.add(device)
    if account.created_at != session.now:
        outbox.tell(session, outbox.Kind.TELL_PERSON, account.id, message="session_new_device")
    await session.flush()
    return device


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
        await ending.end_one(session, row, SessionEnd.DEVICE_REMOVED, caller.actor)
    await session.delete(device)
    await audit.record(
        session,
        Action.DEVICE_REMOVED,
        home_id=caller.home_id,
        actor=caller.actor,
        facts={"device_id": str(device_id)},
    )


async def check_phone(db: Database, caller: Caller, sms_code: str) -> None:
    """Remember that a code sent to the account's phone was entered on the caller's device; once more is as good.

    Raises:
        codes.SmsCodeWrong: with the tries left.
        SessionEnded: the device was removed meanwhile.
    """
    phone = await db.run(lambda session: _unchecked_phone(session, caller))
    if phone is None:
        return
    purpose = SmsPurpose.NEW_DEVICE
    guess = await db.run(lambda session: codes.spend_try(session, phone=phone, purpose=purpose, code=sms_code))
    if not guess.is_right:
        raise codes.SmsCodeWrong(tries_left=guess.tries_left)

    async def remember(session: Session) -> None:
        if await _unchecked_phone(session, caller) is not None:  # if not, the commit was not heard
            await codes.use(session, phone=phone, purpose=purpose, code=sms_code)
            await _remember_check(session, caller)

    await db.run(remember)


async def _unchecked_phone(session: Session, caller: Caller) -> str | None:
    """Return the phone that is still to be checked on the caller's device; None: it was."""
    device = await session.get(Device, (bucket_of(caller.device_id), caller.device_id), populate_existing=True)
    if device is None:
        raise sessions.SessionEnded
    signed_in = await sessions.living(session, caller.session_id)
    if device.phone_checked_at is not None and signed_in.is_phone_checked:
        return None
    return await profile.phone_of(session, caller.account_id)


async def _remember_check(session: Session, caller: Caller) -> None:
    """Write it down with the device, and with its sessions, which are what a request is judged by."""
    await homes.lock(session, {caller.account_id})  # nobody removes the device, or signs in on it, meanwhile
    device = await session.get(Device, (bucket_of(caller.device_id), caller.device_id), populate_existing=True)
    if device is None:
        raise sessions.SessionEnded
    device.phone_checked_at = session.now
    await session.execute(
        update(SignedIn)
        .where(
            SignedIn.bucket == bucket_of(caller.home_id),
            SignedIn.account_id == caller.account_id,
            SignedIn.device_id == caller.device_id,
            SignedIn.ended_at.is_(None),
        )
        .values(is_phone_checked=True)
    )
    await audit.record(
        session,
        Action.DEVICE_PHONE_CHECKED,
        home_id=caller.home_id,
        actor=caller.actor,
        facts={"device_id": str(caller.device_id)},
    )
