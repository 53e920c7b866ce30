"""Rules of what is filed and asked of authorities: rights, certifications, transfers, card orders."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.services.rules.base import Rule


class Rights(Rule):
    """How the insurance authorities are asked: how long an answer may take, how long one serves, when to ask again.

    An answer is shown without asking while it is fresh, and where an authority is silent until it is stale; it goes
    after a week in any case. A statement is of so many months at most, and so many are made a day. No official text
    knows these numbers.
    """

    deadline_milliseconds: int = Field(gt=0)
    fresh_seconds: int = Field(ge=0)
    stale_hours: int = Field(ge=0, le=168)
    retry_seconds: int = Field(gt=0)
    statement_months: int = Field(gt=0)
    statements_a_day: int = Field(ge=0)


class Certifications(Rule):
    """Certification of benefits: months one counts, days before its end when it is due soon and due, and after its end
    until payment is suspended; days before the end when people are reminded, and at what hour (China's time).

    A live face that passed so many hours ago is not asked for again. From `elder_age` on other ways than the face come
    first (Law on the Rights of the Elderly art. 2: 60). The authority is asked again after `look_days`, of whom it
    knows no benefit after `look_days_others`, by who reads after `fresh_minutes`, after `again_minutes` where it did
    not answer.
    """

    months: int = Field(gt=0)
    soon_days: int = Field(ge=0)
    due_days: int = Field(ge=0)
    lapse_days: int = Field(ge=0)
    remind_days: tuple[int, ...]
    remind_hour: int = Field(ge=0, le=23)
    reuse_hours: int = Field(ge=0)
    elder_age: int
    look_days: int = Field(gt=0)
    look_days_others: int = Field(gt=0)
    fresh_minutes: int = Field(ge=0)
    again_minutes: int = Field(gt=0)


class Workdays(Rule):
    """Days off and days worked that the calendar of working days has otherwise; the last year that is published."""

    off: frozenset[date]
    on: frozenset[date]
    published_through: int | None = None


class Looks(Rule):
    """Minutes between two looks at how a filing goes, and at most after looks that came to nothing."""

    look_minutes: int = Field(gt=0)
    look_minutes_at_most: int = Field(gt=0)


class Transfers(Looks):
    """Insurances that move, working days that each leg may take, transfers begun a day, minutes between two looks.

    Reviews and settling: 15 working days each (State Council office, Guobanfa 2009 No. 66); no official text knows the
    others.
    """

    insurances: tuple[str, ...]
    legs: dict[str, Annotated[int, Field(gt=0)]]
    begun_a_day: int


class CardOrders(Looks):
    """Card orders begun a day for a person, and minutes between two looks at how one goes."""

    begun_a_day: int


class CardPhotos(Rule):
    """What a photo for a card must have: pixels, bytes, and shares of 1 that are measured; regions differ in the bytes.

    `background`: white in the upper corners; `headroom`: above the head; `beside`: on its narrower side; `off_centre`:
    from the middle; `subject`: not white. `colour` is a distance between channels, `sharpness` as for all pictures.
    """

    width: int
    height: int
    least_bytes: int
    most_bytes: int
    background: float
    least_headroom: float
    most_headroom: float
    beside: float
    off_centre: float
    least_subject: float
    most_subject: float
    colour: float
    sharpness: float
