"""Working days of China: what deadlines of the administration are counted in.

The State Council publishes each November which days of the next year are off, and which days of weekends are worked for
them (调休). The library `holidays` knows them; a policy adds what it does not know yet. Beyond the last year published
only the days of the law are known, so what is counted into it is an estimate and said to be one.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from app.services.rules.filing import Workdays

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Due:
    """The last day of a deadline; an estimate where it lies beyond what has been published."""

    on: date
    is_estimate: bool


def is_working_day(rules: Workdays, day: date) -> bool:
    """Say whether offices work on a day."""
    if day in rules.off:
        return False
    return day in rules.on or _is_working_day(day)


def after(rules: Workdays, start: date, days: int) -> Due:
    """Return the last day of a deadline of so many working days; the day after `start` is the first that may count.

    Raises:
        ValueError: fewer than one.
    """
    if days < 1:
        raise ValueError("a deadline has one working day at least")
    day, left = start, days
    while left:
        day += _DAY
        left -= is_working_day(rules, day)
    return Due(day, is_estimate=day.year > published_through(rules))


def published_through(rules: Workdays) -> int:
    """Return the last year whose days are known: by the library, or by the policy that adds to it."""
    return max(_last_year_known(), rules.published_through or 0)


@cache
def _is_working_day(day: date) -> bool:
    is_off, worked = _year(day.year)
    if day.weekday() >= _SATURDAY:
        return day in worked
    return day not in is_off


@cache
def _year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Return the days off and the days of weekends that are worked, around a year."""
    from holidays.countries.china import China  # to be read takes half a second, and most commands count no days

    known = China(years=(year, year + 1))  # type: ignore[no-untyped-call] # a new year's holidays can be worked for in the old one
    return frozenset(known), frozenset(known.weekend_workdays)


@cache
def _last_year_known() -> int:
    from holidays.countries.china import ChinaStaticHolidays  # as above

    return max(ChinaStaticHolidays.special_public_holidays)
