"""Rules that sources disagree on or that regions set: rows by date and region, typed and cached."""

import time
from datetime import date, datetime, timedelta, timezone
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.core.db import Session
from app.models.policies import Policy

EVERYWHERE = "000000"
_SHANGHAI = timezone(timedelta(hours=8))
_CACHE_SECONDS = 5.0


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quota(_Rule):
    """Places an owner has: in total and by kind (bbbaike: 10 = 4 elders, 3 children, 1 spouse, 2 others)."""

    profile: str = "default"
    total: int = 10
    elder: int = 4
    child: int = 3
    spouse: int = 1
    other: int = 2


class Owners(_Rule):
    """Owners a member may have; no official text gives a number."""

    per_member: int = Field(2, ge=1, le=64)


class Enrolments(_Rule):
    """Hours an enrolment stays open, and hours a passed face waits for one of the member's slots."""

    open_hours: int = 72
    slot_wait_hours: int = 24


class Ages(_Rule):
    """14: consent passes to the person; 16: live face; under 7 a portrait may not exist; 18: of age."""

    own_consent: int = 14
    live_face: int = 16
    portrait_expected: int = 7
    adult: int = 18


class DocumentChoice(_Rule):
    """Documents of which one is needed, for members under an age (None: any)."""

    under: int | None = None
    any_of: tuple[str, ...]


class Documents(_Rule):
    """Which documents an enrolment of a family member asks for."""

    identity: tuple[DocumentChoice, ...] = (
        DocumentChoice(
            under=16,
            any_of=(
                "social_security_card",
                "household_register",
                "birth_certificate",
                "id_card_front",
                "residence_permit_front",
            ),
        ),
        DocumentChoice(
            any_of=("social_security_card", "id_card_front", "household_register", "residence_permit_front")
        ),
    )
    guardianship: tuple[str, ...] = ("household_register", "birth_certificate", "guardianship_proof")


class Retention(_Rule):
    """Days evidence is kept: faces from creation; documents after the decision, and at most from creation."""

    face_days: int = 7
    document_days_after_decision: int = 30
    document_days_at_most: int = 180


class Faces(_Rule):
    """Tries before people look, and how long one check may take."""

    tries: int = 3
    tries_hours: int = 24
    tries_at_member_a_day: int = 10
    starts_a_day: int = 20
    check_minutes: int = 10


class Reviews(_Rule):
    """Days people have for a case."""

    due_days: int = 5


class CardPasswords(_Rule):
    """Wrong passwords until the card is shut, and for how long."""

    streak: int = 5
    streak_minutes: int = 15
    a_day: int = 10
    a_day_hours: int = 24
    since_right: int = 20
    check_seconds: int = 10
    step_up_seconds: int = 300
    reset_minutes: int = 60


class SmsCodes(_Rule):
    """Codes by SMS: life, tries, pause, and how many a phone gets."""

    minutes: int = 5
    tries: int = 5
    resend_seconds: int = 60
    an_hour: int = 5
    a_day: int = 15


class SignIn(_Rule):
    """Wrong sign-ins for a phone, on devices not seen before and on a known one."""

    tries: int = 10
    minutes: int = 15


class Lookups(_Rule):
    """Asking whether a person exists: the least time an answer takes, and wrong questions a day."""

    floor_milliseconds: int = 400
    per_owner_a_day: int = 5
    per_number_a_day: int = 5


class CardStatus(_Rule):
    """What each status of the physical card (aaz502) allows."""

    issue: tuple[str, ...] = ("1", "2", "4")
    view: tuple[str, ...] = ("1", "2", "4")
    show_code: tuple[str, ...] = ("1",)


class AgeGaps(_Rule):
    """Years that must lie between two relatives, at least."""

    parent: int = 14
    grandparent: int = 28
    step_parent: int = 0
    in_law_parent: int = 0


class Policies(_Rule):
    """Every rule, each a row of its own under the field's name."""

    quota: Quota = Quota()
    owners: Owners = Owners()
    enrolments: Enrolments = Enrolments()
    ages: Ages = Ages()
    documents: Documents = Documents()
    retention: Retention = Retention()
    faces: Faces = Faces()
    reviews: Reviews = Reviews()
    card_passwords: CardPasswords = CardPasswords()
    sms_codes: SmsCodes = SmsCodes()
    sign_in: SignIn = SignIn()
    lookups: Lookups = Lookups()
    card_status: CardStatus = CardStatus()
    age_gaps: AgeGaps = AgeGaps()


_Rows = list[tuple[str, str, date, date | None, dict[str, Any]]]
_cache: "WeakKeyDictionary[AsyncEngine | AsyncConnection, tuple[float, _Rows]]" = WeakKeyDictionary()


async def current(session: Session, region: str = EVERYWHERE) -> Policies:
    """Return the rules that hold now in a region (GB/T 2260): the narrowest row wins, then the newest.

    Rows are read again after five seconds at most.
    """
    return _resolve(await _rows(session), today(session.now), region)


def today(now: datetime) -> date:
    """Return the day it is in Shanghai, by which the country lives."""
    return now.astimezone(_SHANGHAI).date()


async def _rows(session: Session) -> _Rows:
    engine = session.bind
    assert engine is not None
    known = _cache.get(engine)
    if known is None or known[0] < time.monotonic():
        statement = select(Policy.code, Policy.region, Policy.valid_from, Policy.valid_to, Policy.value)
        rows = [row._tuple() for row in await session.execute(statement)]
        _cache[engine] = known = (time.monotonic() + _CACHE_SECONDS, rows)
    return known[1]


def _resolve(rows: _Rows, day: date, region: str) -> Policies:
    scopes = (EVERYWHERE, region[:2] + "0000", region[:4] + "00", region)
    valid = [
        (scopes.index(place), start, code, value)
        for code, place, start, end, value in rows
        if place in scopes and start <= day and (end is None or day < end)
    ]
    chosen = {code: value for _, _, code, value in sorted(valid, key=lambda row: row[:2])}
    return Policies.model_validate(chosen)
