"""The days on which those work whom embedded adapters stand in for: on holidays too, and never at weekends."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from app.core.clock import SHANGHAI

_SATURDAY: Final = 5


def weekdays_after(moment: datetime, days: int, at: time) -> datetime:
    """Return the moment so many weekdays later, at a time of Shanghai."""
    day = moment.astimezone(SHANGHAI).date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < _SATURDAY
    return datetime.combine(day, at, SHANGHAI).astimezone(UTC)
