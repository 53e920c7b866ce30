"""Opens accounts and signs in to them: by a phone's code or by password."""

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.core.db import BUCKETS, Database, Session, bucket_of, new_id
from app.core.errors import Conflict, Denied, Invalid, Locked, NextStep
from app.core.passwords import Passwords
from app.models.accounts import Account, Assurance, Device, SignedIn, SmsPurpose
from app.models.audit import ActorKind
from app.models.people import HomeKind
from app.services import audit, policies, throttles
from app.services.accounts import codes, devices, logins, sessions, ties
from app.services.accounts.sessions import DeviceInfo
from app.services.audit import Action, Actor
from app.services.people import homes
from app.services.throttles import Counter, Limit


class PhoneAlreadyRegistered(Conflict):
    """The phone, which the caller has proved to hold, already signs in to an account."""

    code = "phone-already-registered"
    leads_to = sessions.SIGN_IN


class NoAccountForPhone(Conflict):
    """The phone, which the caller has proved to hold, signs in to no account."""

    code = "no-account-for-phone"
    leads_to = NextStep("register", "/v1/accounts")


class CredentialsWrong(Denied):
    """Phone and password do not belong together; which of them is wrong is not said."""

    code = "credentials-wrong"
    leads_to = NextStep("sign-in-by-code", "/v1/sms-codes")


class SignInPaused(Locked):
    """Too many wrong passwords for this phone from devices it has not been used on."""

    code = "sign-in-paused"
    leads_to = NextStep("sign-in-by-code", "/v1/sms-codes")


class PasswordTooWeak(Invalid):
    """The account password is among the first that anybody would guess."""

    code = "account-password-too-weak"


@dataclass(frozen=True, slots=True)
class Registered:
    """A new account and its first session."""

    account_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Entrance:
    """By which channel somebody comes in; `subject` is whom its platform says they are, to be tied to the account."""

    channel: str
    subject: str | None = field(default=None, repr=False)


Remember = Callable[[Session, Registered], Awaitable[None]]
_IN_ORDER = ("0123456789" * 2, "9876543210" * 2, "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl")
_COMMON = re.compile(
    r"passw[o0]rd\d{0,3}|(a|abc|abcd|asdf|qwer|qwerty|admin)12?3?4?5?6?7?8?9?|1q2w3e4r|q1w2e3r4|1qaz2wsx|iloveyou"
    r"|woaini\d{2,4}|5201314520|123123123|11223344|12344321|147258369"
)
"""Among the first that anybody tries, of eight characters and more; shorter ones are refused before."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a password is checked against; all empty for a phone that nobody has."""

    account_id: UUID | None
    password_hash: str | None = field(repr=False)
    counter: Counter
    left: int


async def register(
    db: Database,
    passwords: Passwords,
    *,
    phone: str,
    sms_code: str,
    password: str,
    device: DeviceInfo,
    entrance: Entrance,
    remember: Remember,
) -> Registered:
    """Open an account for a phone proved by its code, and sign in.

    `remember` keeps the answer in the same transaction, so that a repeated request gets it again.

    Raises:
        PasswordTooWeak: digits of the phone, few characters over and over, or what everybody takes.
        codes.SmsCodeWrong: the code is not right.
        PhoneAlreadyRegistered: sign in instead.
        ChannelIdentityTied: whom the channel has named signs in to another account.
    """
    if _is_weak(password, phone):
        raise PasswordTooWeak
    await _prove(db, phone, SmsPurpose.REGISTER, sms_code, device.id)
    password_hash = await passwords.hash(password)

    async def open_account(session: Session) -> Registered:
        await codes.use(session, phone=phone, purpose=SmsPurpose.REGISTER, code=sms_code, device_id=device.id)
        if await logins.account_of(session, phone) is not None:
            raise PhoneAlreadyRegistered
        account = await _create(session, phone, password_hash)
        known = await devices.meet(session, account, device, is_trusted=True, is_phone_checked=True)
        signed_in = await _start(session, account, known, device, Assurance.FULL, entrance)
        registered = Registered(account.id, signed_in.id)
        await remember(session, registered)
        return registered

    return await db.run(open_account)


def _is_weak(password: str, phone: str) -> bool:
    plain = password.casefold()
    in_order = any(plain in row for row in _IN_ORDER)
    return len(set(plain)) < 4 or plain in phone or phone in plain or in_order or bool(_COMMON.fullmatch(plain))


async def sign_in_by_code(
    db: Database, *, phone: str, sms_code: str, device: DeviceInfo, entrance: Entrance
) -> SignedIn:
    """Sign in with a phone's code; on a device not seen before that alone reads nothing (phones get recycled).

    Raises:
        codes.SmsCodeWrong: the code is not right.
        NoAccountForPhone: register instead.
        ChannelIdentityTied: whom the channel has named signs in to another account.
    """
    await _prove(db, phone, SmsPurpose.SIGN_IN, sms_code, device.id)

    async def begin(session: Session) -> SignedIn:
        await codes.use(session, phone=phone, purpose=SmsPurpose.SIGN_IN, code=sms_code, device_id=device.id)
        account_id = await logins.account_of(session, phone)
        if account_id is None:
            raise NoAccountForPhone
        account = await locked(session, account_id)
        known = await devices.meet(session, account, device, is_trusted=False, is_phone_checked=True)
        assurance = Assurance.FULL if known.is_trusted else Assurance.SMS
        return await _start(session, account, known, device, assurance, entrance)

    return await db.run(begin)


async def sign_in_by_password(
    db: Database, passwords: Passwords, *, phone: str, password: str, device: DeviceInfo, entrance: Entrance
) -> SignedIn:
    """Sign in with the account password; a phone nobody has is answered the same, in the same time.

    Wrong passwords are counted for the phone, and for a device the account knows apart from all others, so a stranger
    cannot shut the holder out.

    Raises:
        CredentialsWrong: with the tries left.
        SignInPaused: too many wrong ones.
        Busy: too many are waiting; that is no try.
        ChannelIdentityTied: whom the channel has named signs in to another account.
    """
    candidate = await db.run(lambda session: _candidate(session, phone, device))
    try:
        is_right = await passwords.verify(candidate.password_hash, password)
        renewed = await passwords.renewed(candidate.password_hash, password) if is_right else None
    except BaseException:
        await db.run(lambda session: throttles.give_back(session, candidate.counter))
        raise
    if not is_right:
        raise CredentialsWrong(tries_left=candidate.left)

    async def begin(session: Session) -> SignedIn:
        await throttles.give_back(session, candidate.counter)
        assert candidate.account_id is not None  # no password is right for nobody
        account = await locked(session, candidate.account_id)
        if renewed is not None and account.password_hash == candidate.password_hash:
            account.password_hash = renewed
        known = await devices.meet(session, account, device, is_trusted=True, is_phone_checked=False)
        return await _start(session, account, known, device, Assurance.FULL, entrance)

    return await db.run(begin)


async def sign_in_by_channel(db: Database, *, channel: str, subject: str, device: DeviceInfo) -> SignedIn | None:
    """Sign in whom a channel's platform has named, if they are tied to an account; None for anybody else.

    Raises:
        ChannelStopped: the channel is not open.
    """

    async def begin(session: Session) -> SignedIn | None:
        account_id = await ties.account_of(session, channel, subject)
        if account_id is None:
            return None
        try:
            await homes.lock(session, {account_id})
        except homes.HomeErased:  # closed at this moment
            return None
        if not await ties.still_enters(session, channel, subject, account_id):
            return None
        account = await session.get_one(Account, (bucket_of(account_id), account_id), populate_existing=True)
        known = await devices.meet(session, account, device, is_trusted=True, is_phone_checked=False)
        return await sessions.start(session, account, known, device, assurance=Assurance.FULL, channel=channel)

    return await db.run(begin)


async def _start(
    session: Session, account: Account, known: Device, device: DeviceInfo, assurance: Assurance, entrance: Entrance
) -> SignedIn:
    """Start a session; whom a channel has named is tied to the account once more than a phone was shown."""
    signed_in = await sessions.start(session, account, known, device, assurance=assurance, channel=entrance.channel)
    if entrance.subject is not None and assurance is Assurance.FULL:
        await ties.tie(session, account, signed_in, entrance.subject)
    return signed_in


async def _prove(db: Database, phone: str, purpose: SmsPurpose, code: str, device_id: str) -> None:
    guess = await db.run(
        lambda session: codes.spend_try(session, phone=phone, purpose=purpose, code=code, device_id=device_id)
    )
    if not guess.is_right:
        raise codes.SmsCodeWrong(tries_left=guess.tries_left)


async def _candidate(session: Session, phone: str, device: DeviceInfo) -> _Candidate:
    """Book a try and return what to check against; the same statements whether or not anybody has the phone."""
    rules = (await policies.current(session)).sign_in
    account_id = await logins.account_of(session, phone)
    home = account_id or new_id(0)  # an account that is not there is looked for just the same
    account = await session.get(Account, (bucket_of(home), home))
    subject = logins.phone_digest(session, phone)
    limit = Limit("sign_in", rules.tries, timedelta(minutes=rules.minutes))
    if await logins.trusts(session, account_id, device.id):
        subject = session.lookup.digest("sign-in-device", f"{phone}:{device.id}")
    counter = Counter(limit, logins.phone_bucket(session, phone), subject)
    used = await throttles.use(session, counter)
    if not used.is_allowed:
        raise SignInPaused(retry_after_seconds=used.wait_seconds(session.now))
    return _Candidate(account_id, account.password_hash if account else None, counter, limit.times - used.used)


async def locked(session: Session, account_id: UUID) -> Account:
    """Return an account with its home locked: it does not move to its person while a session starts."""
    await homes.lock(session, {account_id})
    return await session.get_one(Account, (bucket_of(account_id), account_id), populate_existing=True)


async def _create(session: Session, phone: str, password_hash: str) -> Account:
    account_id = new_id(int.from_bytes(os.urandom(2)) % BUCKETS)
    key = await homes.create(session, HomeKind.ACCOUNT, account_id)
    account = Account(
        bucket=bucket_of(account_id),
        id=account_id,
        phone=key.seal("account.phone", account_id, phone),
        password_hash=password_hash,
        person_id=None,
        created_at=session.now,
    )
    session.add(account)
    if not await logins.claim(session, phone, account_id):
        raise PhoneAlreadyRegistered
    await audit.record(session, Action.ACCOUNT_OPENED, home_id=account_id, actor=Actor(ActorKind.ACCOUNT, account_id))
    await session.flush()
    return account
