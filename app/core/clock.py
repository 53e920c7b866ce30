"""Where the product takes its time from: every token, deadline and policy asks one clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


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
