"""Moves an account into its person's home, once own-card details have named the person."""

from uuid import UUID

from app.core.db import Session, bucket_of
from app.models.accounts import Account, Device, SessionEnd, SignedIn
from app.models.people import Person
from app.services import audit
from app.services.accounts import ending, sessions
from app.services.accounts.sessions import Caller, DeviceInfo
from app.services.audit import Action
from app.services.people import homes


async def name_person(session: Session, caller: Caller, person_id: UUID) -> SignedIn | None:
    """Let the account be this person's, as its holder says; its face has still to show it.

    The account's sessions end, the caller's has a successor in the person's home. Both homes are locked.

    Returns:
        The successor, or None when the session already lives there.

    Raises:
        SessionEnded: the caller's session was ended meanwhile.
    """
    if caller.home_id == person_id:
        return None
    await homes.lock(session, {caller.account_id, caller.home_id, person_id})
    account = await session.get_one(
        Account, (bucket_of(caller.account_id), caller.account_id), with_for_update=True, populate_existing=True
    )
    before = await sessions.living(session, caller.session_id)
    account.person_id = person_id
    device = await session.get_one(Device, (account.bucket, caller.device_id))
    key = await homes.key_of(session, account.id)
    info = DeviceInfo(id="", name=key.open("device.name", device.id, device.name), platform=device.platform)
    successor = await sessions.start(session, account, device, info, assurance=caller.assurance, channel=caller.channel)
    before.successor_id = successor.id
    await ending.end_all(session, caller.home_id, account.id, SessionEnd.MOVED_HOME, caller.actor)
    await audit.record(session, Action.ACCOUNT_MOVED, home_id=account.id, actor=caller.actor)
    return successor


async def person_named_by(session: Session, account_id: UUID) -> UUID | None:
    """Return whom an account says it is, as the last details named them; its home is locked."""
    account = await session.get_one(Account, (bucket_of(account_id), account_id), populate_existing=True)
    return account.person_id


async def prove_person(session: Session, caller_account_id: UUID, person_id: UUID) -> UUID | None:
    """Record that this account's holder has shown to be the person; another account's hold on them ends.

    Returns:
        The account that held the person before, if it was another.
    """
    person = await session.get_one(
        Person, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True
    )
    before, person.account_id = person.account_id, caller_account_id
    if before is None or before == caller_account_id:
        return None
    await ending.end_all(session, person_id, before, SessionEnd.TAKEN_OVER, audit.SYSTEM)
    await audit.record(
        session, Action.ACCOUNT_TAKEN_OVER, home_id=person_id, actor=audit.SYSTEM, facts={"account_id": str(before)}
    )
    return before
