"""Who signs in with a phone, and on which devices."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of, new_id
from app.models.accounts import Device, Login


def phone_bucket(session: Session, phone: str) -> int:
    """Return the bucket of a phone's value."""
    return session.lookup.bucket("phone", phone)


def phone_digest(session: Session, phone: str) -> bytes:
    """Return the keyed digest under which a phone is found again."""
    return session.lookup.digest("phone", phone)


def device_digests(session: Session, account_id: UUID, device_id: str) -> list[bytes]:
    """Return the keyed digests under which an account's device is found again, the one that is written first."""
    known = f"{account_id}:{device_id}"
    return [session.lookup.lasting("device", known), *session.lookup.digests("device", known)]


async def account_of(session: Session, phone: str) -> UUID | None:
    """Return the account that a phone signs in to."""
    account_id: UUID | None = await session.scalar(
        select(Login.account_id).where(
            Login.bucket == phone_bucket(session, phone),
            Login.phone_hmac.in_(session.lookup.digests("phone", phone)),
        )
    )
    return account_id


async def claim(session: Session, phone: str, account_id: UUID) -> bool:
    """Let a phone sign in to an account, under every pepper in use; say whether it is nobody else's."""
    bucket, claims = phone_bucket(session, phone), session.lookup.claims("phone", phone)
    taken = 0
    for version, digest in claims.items():
        row = insert(Login).values(bucket=bucket, phone_hmac=digest, key_version=version, account_id=account_id)
        done = row.on_conflict_do_nothing(index_elements=[Login.bucket, Login.phone_hmac])
        taken += len((await session.scalars(done.returning(Login.account_id))).all())
    return taken == len(claims)


async def trusts(session: Session, account_id: UUID | None, device_id: str) -> bool:
    """Say whether somebody has proved more than a phone to the account on a device; the same work for no account."""
    home = account_id or new_id(0)
    known: bool | None = await session.scalar(
        select(Device.is_trusted).where(
            Device.bucket == bucket_of(home),
            Device.account_id == home,
            Device.device_hmac.in_(device_digests(session, home, device_id)),
        )
    )
    return bool(known)
