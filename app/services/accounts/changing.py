"""Changes the phone of an account: proved by a code to the old phone and one to the new, in one request."""

from dataclasses import dataclass, field

from sqlalchemy import delete

from app import texts
from app.core import logging
from app.core.db import Database, Session, bucket_of, new_id
from app.models.accounts import Account, Login, SmsPurpose
from app.ports.messages import Message, MessageKind, Messages, MessagesUnavailable
from app.services import audit
from app.services.accounts import codes, logins, profile
from app.services.accounts.codes import CodeTry, SmsCodeWrong
from app.services.accounts.sessions import Caller
from app.services.accounts.signing import PhoneAlreadyRegistered
from app.services.audit import Action
from app.services.people import homes

_log = logging.logger(__name__)


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """The new phone, and the codes that came to the old one and to it."""

    phone: str = field(repr=False)
    old_code: str = field(repr=False)
    new_code: str = field(repr=False)


async def change_phone(db: Database, messages: Messages, caller: Caller, change: PhoneChange, *, language: str) -> None:
    """Let an account be signed in to with another phone; the same phone again changes nothing.

    The old phone is told, as far as it can be: whoever has lost it may have it still.

    Raises:
        SmsCodeWrong: one of the codes is not right; a try of each is spent.
        PhoneAlreadyRegistered: the new phone is another account's.
    """
    old = await db.run(lambda session: profile.phone_of(session, caller.account_id))
    if old == change.phone:
        return
    tries = await db.run(lambda session: _spend(session, old, change))
    wrong = next((each for each in tries if not each.is_right), None)
    if wrong is not None:
        raise SmsCodeWrong(tries_left=wrong.tries_left)
    await db.run(lambda session: _change(session, caller, change))
    text = texts.message("phone_changed_old", language)
    try:
        await messages.send(Message(f"phone-changed:{new_id(0)}", old, MessageKind.NOTICE, text))
    except MessagesUnavailable:
        _log.warning("old_phone_not_told", account_id=str(caller.account_id))


async def _spend(session: Session, old: str, change: PhoneChange) -> list[CodeTry]:
    """Spend a try of each code; both, so that one wrong says nothing of the other."""
    guesses = sorted([(old, change.old_code), (change.phone, change.new_code)])  # two who swap wait for each other once
    return [
        await codes.spend_try(session, phone=phone, purpose=SmsPurpose.CHANGE_PHONE, code=code)
        for phone, code in guesses
    ]


async def _change(session: Session, caller: Caller, change: PhoneChange) -> None:
    keys = await homes.lock(session, {caller.account_id})
    old = await profile.phone_of(session, caller.account_id)
    if old == change.phone:  # by ourselves, unheard
        return
    for phone, code in sorted([(old, change.old_code), (change.phone, change.new_code)]):
        await codes.use(session, phone=phone, purpose=SmsPurpose.CHANGE_PHONE, code=code)
    await _sign_in_with(session, caller, old, change.phone)
    account = await session.get_one(
        Account, (bucket_of(caller.account_id), caller.account_id), with_for_update=True, populate_existing=True
    )
    account.phone = keys[caller.account_id].seal("account.phone", caller.account_id, change.phone)
    await audit.record(session, Action.PHONE_CHANGED, home_id=caller.account_id, actor=caller.actor)


async def _sign_in_with(session: Session, caller: Caller, old: str, new: str) -> None:
    """Let the new phone sign in and the old one no more; a phone is one account's, by its key."""
    if await logins.account_of(session, new) is not None:
        raise PhoneAlreadyRegistered
    if not await logins.claim(session, new, caller.account_id):
        raise PhoneAlreadyRegistered
    await session.execute(
        delete(Login)
        .where(
            Login.bucket == logins.phone_bucket(session, old),
            Login.phone_hmac.in_(session.lookup.digests("phone", old)),
            Login.account_id == caller.account_id,
        )
        .execution_options(synchronize_session=False)
    )
