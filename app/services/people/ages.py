"""Ages and the days on which they change, told by the calendar of China."""

from datetime import UTC, date, datetime, time

from app.core.clock import SHANGHAI, today

__all__ = ["SHANGHAI", "age_on", "birthday", "birthday_starts", "is_under", "today"]


def birthday(birth: date, years: int) -> date:
    """Return the day on which somebody turns `years`; born on 29 February, it is 1 March in common years."""
    try:
        return birth.replace(year=birth.year + years)
    except ValueError:
        return date(birth.year + years, 3, 1)


def birthday_starts(birth: date, years: int) -> datetime:
    """Return the moment, in UTC, at which somebody turns `years`: 00:00 in China."""
    return datetime.combine(birthday(birth, years), time(), SHANGHAI).astimezone(UTC)


def age_on(birth: date, day: date) -> int:
    """Return the age in whole years; it is negative before birth."""
    years = day.year - birth.year
    return years if birthday(birth, years) <= day else years - 1


def is_under(birth: date, years: int, now: datetime) -> bool:
    """Say whether somebody has not turned `years` yet.

    Raises:
        ValueError: the moment does not say its time zone.
    """
    return age_on(birth, today(now)) < years
