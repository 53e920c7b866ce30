"""SMS codes: six digits that prove a phone, once, for one purpose."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, new_id
from app.core.errors import Denied, NextStep, TooMany
from app.models.accounts import SmsCode, SmsPurpose
from app.ports.messages import Message, MessageKind, Messages, MessagesUnavailable
from app.services import policies, throttles
from app.services.accounts import logins
from app.services.rules.access import SmsCodes
from app.services.throttles import Counter, Limit
from app.texts import message


class SmsCodeWrong(Denied):
    """The code is wrong, used, expired or was never sent; `tries_left` is there for one this device has asked for."""

    code = "sms-code-wrong"
    leads_to = NextStep("ask-for-code", "/v1/sms-codes")


class SmsResendTooSoon(TooMany):
    """A code was sent a moment ago."""

    code = "sms-resend-too-soon"


class SmsLimitReached(TooMany):
    """This phone has had all the codes it gets for now."""

    code = "sms-limit-reached"


@dataclass(frozen=True, slots=True)
class Sent:
    """How long the code lives and when another may be asked for, in seconds."""

    expires_in: int
    resend_after: int


@dataclass(frozen=True, slots=True)
class _Ask:
    phone: str = field(repr=False)
    purpose: SmsPurpose
    device_id: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeTry:
    """How a guess went, and how many a code has left that the guessing device has asked for; None: there is none."""

    is_right: bool
    tries_left: int | None


async def send(
    db: Database, messages: Messages, *, phone: str, purpose: SmsPurpose, device_id: str | None, language: str
) -> Sent:
    """Send a new code (6 digits, 5 minutes, 5 tries by policy); those before it stay good, whoever has asked for them.

    The same whether or not anybody has this phone. A code asked for on a device is good there alone. Codes asked for on
    a device that the phone's account knows are counted apart from all others, and so is the pause between them: a
    stranger can neither use up nor hold up what its holder gets.

    Raises:
        SmsResendTooSoon: the last one is younger than 60 seconds.
        SmsLimitReached: the phone, or the device, has had its codes for this hour or day.
        MessagesUnavailable: it could not be sent; another may be asked for at once.
    """
    code = f"{secrets.randbelow(1_000_000):06}"
    ask = _Ask(phone, purpose, device_id)
    rules = await db.run(lambda session: _write(session, ask, code))
    text = message(f"sms_code_{purpose.value}", language, code=code, minutes=str(rules.minutes))
    key = f"sms-code:{new_id(0)}"
    try:
        await messages.send(Message(key=key, to=phone, kind=MessageKind.SMS_CODE, text=text, code=code))
    except MessagesUnavailable:
        await db.run(lambda session: _take_back(session, ask, code))
        raise
    return Sent(expires_in=rules.minutes * 60, resend_after=rules.resend_seconds)


async def spend_try(
    session: Session, *, phone: str, purpose: SmsPurpose, code: str, device_id: str | None = None
) -> CodeTry:
    """Spend a try of every code that the guess can reach and say whether it is one; `use` then uses it up.

    A guess on a device reaches the codes that were asked for on it, or on none; that of who is signed in (without
    `device_id`) reaches all. It tells the tries of codes asked for on that device: nobody learns of another's.
    """
    rows = _within_reach(session, await _unused(session, phone, purpose), phone, device_id)
    live = [row for row in rows if row.expires_at > session.now]
    good = [row for row in live if row.tries_left > 0]
    for row in good:
        row.tries_left -= 1
    told = [row.tries_left for row in live if device_id is None or row.device_hmac is not None]
    return CodeTry(is_right=_find(session, good, phone, code) is not None, tries_left=max(told, default=None))


async def use(session: Session, *, phone: str, purpose: SmsPurpose, code: str, device_id: str | None = None) -> None:
    """Use a code up that a try has found right, and with it the others for this purpose within the same reach.

    Raises:
        SmsCodeWrong: it was used meanwhile.
    """
    rows = _within_reach(session, await _unused(session, phone, purpose), phone, device_id)
    if _find(session, rows, phone, code) is None:
        raise SmsCodeWrong
    for row in rows:
        row.used_at = session.now


async def unuse(session: Session, *, phone: str, purpose: SmsPurpose, code: str) -> None:
    """Make a used code good again for one try: what it was used for came to nothing, and not through its holder."""
    row = await _one(session, phone, purpose, code)
    if row is not None and row.used_at is not None:
        row.used_at, row.tries_left = None, row.tries_left + 1


async def _write(session: Session, ask: _Ask, code: str) -> SmsCodes:
    rules = (await policies.current(session)).sms_codes
    known = await _one(session, ask.phone, ask.purpose, code)
    if known is not None and known.used_at is None and known.expires_at > session.now:
        return rules  # written already, and the commit was not heard
    # The pause's row is locked first, so two requests for one phone come one after the other from here on.
    for counter, refusal in await _counters(session, ask, rules):
        await throttles.require(session, counter, refusal)
    values = {
        "sent_at": session.now,
        "expires_at": session.now + timedelta(minutes=rules.minutes),
        "tries_left": rules.tries,
        "used_at": None,
        "device_hmac": None if ask.device_id is None else _device_digests(session, ask.phone, ask.device_id)[0],
    }
    await session.execute(
        insert(SmsCode)
        .values(**_key(session, ask.phone, ask.purpose, code), **values)
        .on_conflict_do_update(constraint="pk_sms_code", set_=values)
    )
    return rules


async def _counters(
    session: Session, ask: _Ask, rules: SmsCodes
) -> list[tuple[Counter, type[SmsResendTooSoon | SmsLimitReached]]]:
    bucket = logins.phone_bucket(session, ask.phone)
    who, asking = ask.phone, logins.phone_digest(session, ask.phone)
    if ask.device_id is not None:
        account_id = await logins.account_of(session, ask.phone)
        if await logins.trusts(session, account_id, ask.device_id):
            who = f"{ask.phone}:{ask.device_id}"
            asking = session.lookup.digest("sms-codes-device", who)
    purposes = session.lookup.digest("sms-codes-purpose", f"{who}:{ask.purpose.value}")
    pause = Limit("sms_codes_pause", 1, timedelta(seconds=rules.resend_seconds))
    hour = Limit("sms_codes_an_hour", rules.an_hour, timedelta(hours=1))
    day = Limit("sms_codes_a_day", rules.a_day, timedelta(days=1))
    return [
        (Counter(pause, bucket, purposes), SmsResendTooSoon),
        (Counter(hour, bucket, asking), SmsLimitReached),
        (Counter(day, bucket, asking), SmsLimitReached),
    ]


async def _take_back(session: Session, ask: _Ask, code: str) -> None:
    """Undo a code that was not sent."""
    for counter, _ in await _counters(session, ask, (await policies.current(session)).sms_codes):
        await throttles.give_back(session, counter)
    row = await _one(session, ask.phone, ask.purpose, code)
    if row is not None:
        await session.delete(row)


async def _unused(session: Session, phone: str, purpose: SmsPurpose) -> Sequence[SmsCode]:
    """Return the codes that were not used, locked in the order of their key."""
    rows = await session.scalars(
        select(SmsCode)
        .where(
            SmsCode.bucket == logins.phone_bucket(session, phone),
            SmsCode.phone_hmac.in_(session.lookup.digests("phone", phone)),
            SmsCode.purpose == purpose,
            SmsCode.used_at.is_(None),
        )
        .order_by(SmsCode.code_hmac)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


def _within_reach(session: Session, rows: Sequence[SmsCode], phone: str, device_id: str | None) -> Sequence[SmsCode]:
    """Return the codes that a guess on a device can be: those asked for on it, or on none."""
    if device_id is None:
        return rows
    good = {None, *_device_digests(session, phone, device_id)}
    return [row for row in rows if row.device_hmac in good]


def _find(session: Session, rows: Sequence[SmsCode], phone: str, code: str) -> SmsCode | None:
    for row in rows:
        digests = session.lookup.digests("sms-code", f"{phone}:{row.purpose.value}:{code}")
        if any(hmac.compare_digest(row.code_hmac, digest) for digest in digests):
            return row
    return None


async def _one(session: Session, phone: str, purpose: SmsPurpose, code: str) -> SmsCode | None:
    """Return the row of a code, locked, under whichever pepper it was written."""
    found = await session.scalars(
        select(SmsCode)
        .where(
            SmsCode.bucket == logins.phone_bucket(session, phone),
            SmsCode.phone_hmac.in_(session.lookup.digests("phone", phone)),
            SmsCode.purpose == purpose,
            SmsCode.code_hmac.in_(session.lookup.digests("sms-code", f"{phone}:{purpose.value}:{code}")),
        )
        .order_by(SmsCode.sent_at.desc())
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.first()


def _key(session: Session, phone: str, purpose: SmsPurpose, code: str) -> dict[str, Any]:
    return {
        "bucket": logins.phone_bucket(session, phone),
        "phone_hmac": logins.phone_digest(session, phone),
        "purpose": purpose,
        "code_hmac": session.lookup.digest("sms-code", f"{phone}:{purpose.value}:{code}"),
    }


def _device_digests(session: Session, phone: str, device_id: str) -> list[bytes]:
    return session.lookup.digests("sms-code-device", f"{phone}:{device_id}")
