"""SMS codes: six digits that prove a phone, once, for one purpose."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, new_id
from app.core.errors import Denied, NextStep, TooMany
from app.models.accounts import SmsCode, SmsPurpose
from app.ports.messages import Message, MessageKind, Messages, MessagesUnavailable
from app.services import policies, throttles
from app.services.rules import SmsCodes
from app.services.throttles import Counter, Limit
from app.texts import message


class SmsCodeWrong(Denied):
    """The code is wrong, used, expired or was never sent; `tries_left` says how many guesses it has left."""

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
class CodeTry:
    """How a guess went."""

    is_right: bool
    tries_left: int


def phone_bucket(session: Session, phone: str) -> int:
    """Return the bucket of a phone's value."""
    return session.lookup.bucket("phone", phone)


def phone_digest(session: Session, phone: str) -> bytes:
    """Return the keyed digest under which a phone is found again."""
    return session.lookup.digest("phone", phone)


async def send(db: Database, messages: Messages, *, phone: str, purpose: SmsPurpose, language: str) -> Sent:
    """Send a new code (6 digits, 5 minutes, 5 tries by policy); the one before it is void.

    The same whether or not anybody has this phone.

    Raises:
        SmsResendTooSoon: the last one is younger than 60 seconds.
        SmsLimitReached: the phone has had its codes for this hour or day.
        MessagesUnavailable: it could not be sent; another may be asked for at once.
    """
    code = f"{secrets.randbelow(1_000_000):06}"
    rules = await db.run(lambda session: _write(session, phone, purpose, code))
    text = message(f"sms_code_{purpose.value}", language, code=code, minutes=str(rules.minutes))
    key = f"sms-code:{new_id(0)}"
    try:
        await messages.send(Message(key=key, to=phone, kind=MessageKind.SMS_CODE, text=text, code=code))
    except MessagesUnavailable:
        await db.run(lambda session: _take_back(session, phone, purpose, code))
        raise
    return Sent(expires_in=rules.minutes * 60, resend_after=rules.resend_seconds)


async def spend_try(session: Session, *, phone: str, purpose: SmsPurpose, code: str) -> CodeTry:
    """Spend one of the code's tries and say whether the guess is right; `use` then uses the code up."""
    row = await _locked(session, phone, purpose)
    if row is None or row.used_at is not None or row.expires_at <= session.now or row.tries_left == 0:
        return CodeTry(is_right=False, tries_left=0)
    row.tries_left -= 1
    return CodeTry(is_right=_is(session, row, phone, code), tries_left=row.tries_left)


async def use(session: Session, *, phone: str, purpose: SmsPurpose, code: str) -> None:
    """Use a code up that a try has found right.

    Raises:
        SmsCodeWrong: it was used meanwhile.
    """
    row = await _locked(session, phone, purpose)
    if row is None or row.used_at is not None or not _is(session, row, phone, code):
        raise SmsCodeWrong(tries_left=0)
    row.used_at = session.now


async def unuse(session: Session, *, phone: str, purpose: SmsPurpose, code: str) -> None:
    """Make a used code good again for one try: what it was used for came to nothing, and not through its holder."""
    row = await _locked(session, phone, purpose)
    if row is not None and row.used_at is not None and _is(session, row, phone, code):
        row.used_at, row.tries_left = None, row.tries_left + 1


async def _write(session: Session, phone: str, purpose: SmsPurpose, code: str) -> SmsCodes:
    rules = (await policies.current(session)).sms_codes
    bucket, digest = phone_bucket(session, phone), phone_digest(session, phone)
    # The throttle's row is locked first, so two requests for one phone come one after the other from here on.
    for counter in _counters(session, phone, rules):
        used = await throttles.use(session, counter)
        if not used.is_allowed:
            raise SmsLimitReached(
                retry_after_seconds=used.wait_seconds(session.now),
                quota=counter.limit.times,
                window_seconds=_seconds(counter.limit.window),
            )
    last = await _locked(session, phone, purpose)
    if last is not None and _is(session, last, phone, code):  # written already, and the commit was not heard
        await _uncount(session, phone, rules)
        return rules
    if last is not None and last.sent_at + timedelta(seconds=rules.resend_seconds) > session.now:
        wait = last.sent_at + timedelta(seconds=rules.resend_seconds) - session.now
        raise SmsResendTooSoon(retry_after_seconds=_seconds(wait), quota=1, window_seconds=rules.resend_seconds)
    values = {
        "code_hmac": _code_digest(session, phone, purpose, code),
        "sent_at": session.now,
        "expires_at": session.now + timedelta(minutes=rules.minutes),
        "tries_left": rules.tries,
        "used_at": None,
    }
    await session.execute(
        insert(SmsCode)
        .values(bucket=bucket, phone_hmac=digest, purpose=purpose, **values)
        .on_conflict_do_update(index_elements=[SmsCode.bucket, SmsCode.phone_hmac, SmsCode.purpose], set_=values)
    )
    return rules


def _counters(session: Session, phone: str, rules: SmsCodes) -> list[Counter]:
    bucket, digest = phone_bucket(session, phone), phone_digest(session, phone)
    return [
        Counter(Limit("sms_codes_an_hour", rules.an_hour, timedelta(hours=1)), bucket, digest),
        Counter(Limit("sms_codes_a_day", rules.a_day, timedelta(days=1)), bucket, digest),
    ]


async def _take_back(session: Session, phone: str, purpose: SmsPurpose, code: str) -> None:
    """Undo a code that was not sent, unless another has taken its place."""
    await _uncount(session, phone, (await policies.current(session)).sms_codes)
    row = await _locked(session, phone, purpose)
    if row is not None and _is(session, row, phone, code):
        await session.delete(row)


async def _uncount(session: Session, phone: str, rules: SmsCodes) -> None:
    for counter in _counters(session, phone, rules):
        await throttles.give_back(session, counter)


async def _locked(session: Session, phone: str, purpose: SmsPurpose) -> SmsCode | None:
    row: SmsCode | None = await session.scalar(
        select(SmsCode)
        .where(
            SmsCode.bucket == phone_bucket(session, phone),
            SmsCode.phone_hmac == phone_digest(session, phone),
            SmsCode.purpose == purpose,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return row


def _is(session: Session, row: SmsCode, phone: str, code: str) -> bool:
    return hmac.compare_digest(row.code_hmac, _code_digest(session, phone, row.purpose, code))


def _code_digest(session: Session, phone: str, purpose: SmsPurpose, code: str) -> bytes:
    return session.lookup.digest("sms-code", f"{phone}:{purpose.value}:{code}")


def _seconds(span: timedelta) -> int:
    return max(1, round(span.total_seconds()))
