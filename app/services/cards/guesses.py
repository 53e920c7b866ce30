"""What a guess at a card password counts, and when it is one too many."""

import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select

from app.core.db import Session, bucket_of, new_id
from app.core.sealing import KeyedDigest
from app.models.cards import CardPassword, CardPasswordWrong
from app.services import outbox
from app.services.rules.cards import CardPasswords


@dataclass(frozen=True, slots=True)
class Guess:
    """What is checked, what counts as one wrong value, and the change that it is part of."""

    password: str = field(repr=False)
    new: str | None = field(default=None, repr=False)

    @property
    def value(self) -> str:
        """Whoever sends one current password with many new ones guesses each time."""
        return self.password if self.new is None else f"{self.password}:{self.new}"


@dataclass(frozen=True, slots=True)
class Outcome:
    is_right: bool
    tries_left: int
    is_done: bool = False
    retry_after_seconds: int | None = None


def is_last_change(session: Session, rules: CardPasswords, row: CardPassword, guess: Guess) -> bool:
    if row.change_hmac is None or row.set_at + timedelta(hours=rules.a_day_hours) <= session.now:
        return False
    digest = digest_of(session, row.person_id, guess)
    return any(hmac.compare_digest(row.change_hmac, each) for each in (digest, *digest.others))


async def count_wrong(session: Session, rules: CardPasswords, row: CardPassword, guess: Guess) -> Outcome:
    """Count a wrong value, unless it is one that was counted within the day, and lock when it is one too many."""
    day_ago = session.now - timedelta(hours=rules.a_day_hours)
    digest = digest_of(session, row.person_id, guess)
    await session.execute(delete(CardPasswordWrong).where(*wrong_of(row.person_id), CardPasswordWrong.at <= day_ago))
    known = set(await session.scalars(select(CardPasswordWrong.value_hmac).where(*wrong_of(row.person_id))))
    if known.isdisjoint((digest, *digest.others)):
        known.add(digest)
        session.add(
            CardPasswordWrong(
                bucket=row.bucket, id=new_id(row.bucket), person_id=row.person_id, value_hmac=digest, at=session.now
            )
        )
        row.streak += 1
        row.wrong_since_right += 1
    tries_left = min(rules.streak - row.streak, rules.a_day - len(known), rules.since_right - row.wrong_since_right)
    if tries_left > 0:
        return Outcome(is_right=False, tries_left=tries_left)
    return _lock(session, rules, row, wrong_today=len(known))


def _lock(session: Session, rules: CardPasswords, row: CardPassword, *, wrong_today: int) -> Outcome:
    span = timedelta(hours=rules.a_day_hours) if wrong_today >= rules.a_day else timedelta(minutes=rules.streak_minutes)
    row.streak = 0
    row.locked_until = session.now + span
    outbox.tell(session, outbox.Kind.TELL_PERSON, row.person_id, message="card_password_locked")
    if row.wrong_since_right >= rules.since_right:
        return Outcome(is_right=False, tries_left=0)
    return Outcome(is_right=False, tries_left=0, retry_after_seconds=seconds(span))


def digest_of(session: Session, person_id: UUID, guess: Guess) -> KeyedDigest:
    return session.lookup.digest("card-password", f"{person_id}:{guess.value}")


def wrong_of(person_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return CardPasswordWrong.bucket == bucket_of(person_id), CardPasswordWrong.person_id == person_id


def seconds(span: timedelta) -> int:
    return max(1, ceil(span.total_seconds()))
