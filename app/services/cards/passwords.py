"""The card password: checked without holding a connection, guessed only so often.

A check books itself in a first short transaction, verifies without one, and settles in a second. One runs at a time for
a card, so guesses sent at once cannot outrun the limits; a booked check that nobody settles lapses after ten seconds.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, Denied, FieldError, Invalid, Locked, NextStep
from app.core.passwords import Passwords
from app.models.cards import CardPassword, CardPasswordWrong
from app.services import audit, outbox, policies
from app.services.accounts.profile import phone_of
from app.services.accounts.sessions import Caller
from app.services.audit import Action, Actor
from app.services.cards.guesses import Guess, Outcome, count_wrong, digest_of, is_last_change, seconds, wrong_of
from app.services.cards.rules import check_password
from app.services.people import homes

_RESET = NextStep("reset-card-password", "/v1/card/password-resets")


class CardPasswordNotSet(Conflict):
    """There is no card with a password yet."""

    code = "card-password-not-set"
    leads_to = NextStep("own-card", "/v1/enrolments")


class CardPasswordIsWrong(Denied):
    """The password is wrong; `tries_left` says how many tries are left."""

    code = "card-password-wrong"
    leads_to = _RESET


class CardPasswordLocked(Locked):
    """Too many wrong ones; until the lock ends the right one is refused too."""

    code = "card-password-locked"
    leads_to = _RESET


class CardPasswordResetNeeded(Locked):
    """Twenty wrong ones since the last right one: only a reset by face or at a counter helps."""

    code = "card-password-reset-needed"
    leads_to = _RESET


class CheckInProgress(Conflict):
    """Another check of this password is running."""

    code = "check-in-progress"


class CardPasswordTooSimple(Invalid):
    """The new password is among the first that anybody would guess (domain rules of the password)."""

    code = "card-password-too-simple"


@dataclass(frozen=True, slots=True)
class _Booking:
    id: UUID
    hash: str = field(repr=False)
    version: int


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the check says, and the hash to keep instead when the right password is kept under another suite."""

    is_right: bool
    renewed: str | None = field(repr=False)


async def check(db: Database, passwords: Passwords, caller: Caller, password: str) -> int:
    """Check the caller's card password; return the version that is right.

    Raises:
        CardPasswordNotSet, CardPasswordIsWrong, CardPasswordLocked, CardPasswordResetNeeded, CheckInProgress.
    """
    version, _ = await _check(db, passwords, caller, Guess(password))
    return version


async def _check(db: Database, passwords: Passwords, caller: Caller, guess: Guess) -> tuple[int, bool]:
    """Return the version that is right, and whether the change that the guess is part of was made before."""
    booking_id = new_id(0)
    booking = await db.run(lambda session: _book(session, caller, booking_id))
    try:
        is_right = await passwords.verify(booking.hash, guess.password)
        renewed = await passwords.renewed(booking.hash, guess.password) if is_right else None
    except BaseException:
        await db.run(lambda session: _cancel(session, caller, booking))
        raise
    verdict = _Verdict(is_right, renewed)
    outcome = await db.run(lambda session: _settle(session, caller, booking, guess, verdict))
    if not outcome.is_right:
        raise CardPasswordIsWrong(
            tries_left=outcome.tries_left,
            retry_after_seconds=outcome.retry_after_seconds,
        )
    return booking.version, outcome.is_done


async def change(db: Database, passwords: Passwords, caller: Caller, *, current: str, new: str) -> None:
    """Change the password; tokens stepped up with the old one are worth no more than others from then on.

    Sent again within a day, with the old password as its current one, the same change is done and nothing happens. That
    is a check like any other: it is refused while the card is locked, and a pair that is not the same is a wrong guess.

    Raises:
        CardPasswordTooSimple: the new one; besides what `check` raises for the current one.
        CheckInProgress: somebody has changed it meanwhile.
    """
    version, is_done = await _check(db, passwords, caller, Guess(current, new))
    if is_done:
        return
    assert caller.person_id is not None
    person_id = caller.person_id
    await db.run(lambda session: require_good(session, person_id, caller.account_id, new, "/new"))
    hashed = await passwords.hash(new)

    async def replace(session: Session) -> None:
        row = await _row_of(session, caller)
        if row.hash == hashed:  # the commit was not heard
            return
        if row.version != version:
            raise CheckInProgress(retry_after_seconds=1)
        await store(session, person_id, hashed, caller.actor)
        row.change_hmac = digest_of(session, person_id, Guess(current, new))

    await db.run(replace)


async def require_good(session: Session, person_id: UUID, account_id: UUID, password: str, pointer: str) -> None:
    """Check that a new password is not easily guessed from what many know of its holder.

    Raises:
        CardPasswordTooSimple: with the reason at `pointer`.
    """
    person = await homes.person(session, person_id)
    phone = await phone_of(session, account_id)
    fault = check_password(password, number=person.number, birth_date=person.birth_date, phone=phone)
    if fault is not None:
        raise CardPasswordTooSimple(errors=[FieldError(pointer, fault.value)])


async def store(session: Session, person_id: UUID, hashed: str, actor: Actor) -> None:
    """Put a new password in place: all counters start again, what was stepped up before is over."""
    row = await _locked(session, person_id)
    if row is None:
        row = CardPassword(bucket=bucket_of(person_id), person_id=person_id, version=0)
        session.add(row)
    else:
        outbox.tell(session, outbox.Kind.TELL_PERSON, person_id, message="card_password_changed")
    row.hash, row.version, row.set_at, row.change_hmac = hashed, row.version + 1, session.now, None
    row.streak = row.wrong_since_right = 0
    row.locked_until = row.checking_id = row.checking_until = None
    await session.flush()
    await session.execute(delete(CardPasswordWrong).where(*wrong_of(person_id)))
    await audit.record(session, Action.CARD_PASSWORD_SET, home_id=person_id, actor=actor)


async def _book(session: Session, caller: Caller, booking_id: UUID) -> _Booking:
    if caller.person_id is None or not caller.is_proven:
        raise CardPasswordNotSet
    rules = (await policies.current(session)).card_passwords
    row = await _locked(session, caller.person_id)
    if row is None:
        raise CardPasswordNotSet
    if row.wrong_since_right >= rules.since_right:
        raise CardPasswordResetNeeded(tries_left=0)
    if row.locked_until is not None and row.locked_until > session.now:
        raise CardPasswordLocked(tries_left=0, retry_after_seconds=seconds(row.locked_until - session.now))
    is_running = row.checking_until is not None and row.checking_until > session.now
    if is_running and row.checking_id != booking_id:  # booked by ourselves, unheard, it is ours all the same
        raise CheckInProgress(retry_after_seconds=1)
    row.checking_id = booking_id
    row.checking_until = session.now + timedelta(seconds=rules.check_seconds)
    return _Booking(row.checking_id, row.hash, row.version)


async def _cancel(session: Session, caller: Caller, booking: _Booking) -> None:
    row = await _row_of(session, caller)
    if row.checking_id == booking.id:
        row.checking_id = row.checking_until = None


async def _settle(session: Session, caller: Caller, booking: _Booking, guess: Guess, verdict: _Verdict) -> Outcome:
    rules = (await policies.current(session)).card_passwords
    row = await _row_of(session, caller)
    if row.checking_id != booking.id:  # it lapsed and another runs, or the password was changed: this one says nothing
        raise CheckInProgress(retry_after_seconds=1)
    row.checking_id = row.checking_until = None
    row.hash = verdict.renewed or row.hash
    is_done = not verdict.is_right and is_last_change(session, rules, row, guess)
    if verdict.is_right or is_done:
        row.streak = row.wrong_since_right = 0
        outcome = Outcome(is_right=True, tries_left=rules.streak, is_done=is_done)
    else:
        outcome = await count_wrong(session, rules, row, guess)
    await audit.record(
        session,
        Action.CARD_PASSWORD_CHECKED,
        home_id=row.person_id,
        actor=caller.actor,
        facts={"is_right": outcome.is_right, "session_id": str(caller.session_id)},
    )
    return outcome


async def _locked(session: Session, person_id: UUID) -> CardPassword | None:
    row: CardPassword | None = await session.get(
        CardPassword, (bucket_of(person_id), person_id), with_for_update=True, populate_existing=True
    )
    return row


async def _row_of(session: Session, caller: Caller) -> CardPassword:
    assert caller.person_id is not None
    row = await _locked(session, caller.person_id)
    assert row is not None  # a password is never taken away
    return row
