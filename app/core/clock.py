"""Where the product takes its time from: every token, deadline and policy asks one clock."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Protocol

SHANGHAI: Final = timezone(
    timedelta(hours=8), "Asia/Shanghai"
)  # the whole country's time, without summer time since 1992


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class MovableClock(Clock):
    """The machine's clock plus an advance; it moves forward only.

    For the demo and for tests: birthdays, locks and deadlines come when the clock is moved to them.
    """

    def __init__(self) -> None:
        self.advance = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.advance

    def move(self, by: timedelta) -> None:
        """Move forward by a span of time.

        Raises:
            ValueError: the span is negative.
        """
        if by < timedelta():
            raise ValueError("a clock does not go back")
        self.advance += by


def today(now: datetime) -> date:
    """Return the day it is in Shanghai at a moment: birthdays and deadlines begin at its midnight.

    Raises:
        ValueError: the moment does not say its time zone.
    """
    if now.tzinfo is None:
        raise ValueError("a moment without a time zone has no date")
    return now.astimezone(SHANGHAI).date()
