"""Leaves a gateway in peace that does not answer, and asks it again by one call at a time.

```
closed ──5 failures in a row──> open ──30 s──> half-open: one probe, others are turned away
   ^                              ^                │
   └──────────── it answers ──────┼── or does not ─┘
```

Time is the clock port's; how long a circuit is open differs by a fifth, lest all processes probe at once.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.core.clock import Clock
from app.core.logging import logger

FAILURES: Final = 5
PAUSE: Final = timedelta(seconds=30)
_SPREAD: Final = 0.2


class State(StrEnum):
    """How a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitOpen(Exception):
    """It was not asked, for it has not answered lately; `seconds` is how long until it is asked again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("open")
        self.seconds = seconds


class Failed(Exception):
    """What passed through a circuit has failed in a way that says something of the other side."""


class Circuit:
    """The circuit of one group of calls; it lives in one event loop, so nothing comes between two of its lines."""

    def __init__(self, name: str, clock: Clock, *, failures: int = FAILURES, pause: timedelta = PAUSE) -> None:
        self._name = name
        self._clock = clock
        self._most_failures = failures
        self._pause = pause
        self._failures = 0
        self._opened_at: datetime | None = None
        self._opened_for = pause
        self._is_probed = False
        self._turn = 0

    @property
    def state(self) -> State:
        """How it stands now."""
        if self._opened_at is None:
            return State.CLOSED
        return State.OPEN if self._seconds_left() > 0 else State.HALF_OPEN

    @contextmanager
    def passing(self) -> Iterator[Callable[[], None]]:
        """Let one call through; `Failed` within counts against the other side, every other error says nothing of it.

        Yields what a call does that was given up and counts against the other side all the same.

        Raises:
            CircuitOpen: not now.
        """
        turn = self._enter()
        try:
            yield lambda: self._leave(turn, is_good=False)
        except Failed:
            self._leave(turn, is_good=False)
            raise
        except BaseException:
            if turn == self._turn:
                self._is_probed = False
            raise
        self._leave(turn, is_good=True)

    def _enter(self) -> int:
        if self._opened_at is not None:
            if self._is_probed or self.state is State.OPEN:
                raise CircuitOpen(max(1, round(self._seconds_left())))
            self._is_probed = True
        return self._turn

    def _leave(self, turn: int, *, is_good: bool) -> None:
        """Take note of how a call went, unless it began before the circuit opened or closed."""
        if turn != self._turn:
            return
        was_open, self._is_probed = self._opened_at is not None, False
        self._failures = 0 if is_good else self._failures + 1
        if is_good and was_open:
            self._opened_at = None
            self._turn += 1
            logger(__name__).info("circuit_closed", circuit=self._name)
        elif not is_good and (was_open or self._failures >= self._most_failures):
            self._opened_at = self._clock.now()
            self._opened_for = self._pause * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
            self._turn += 1
            logger(__name__).warning("circuit_opened", circuit=self._name)

    def _seconds_left(self) -> float:
        assert self._opened_at is not None
        since = self._clock.now() - self._opened_at
        if since < timedelta():  # somebody has put the machine's clock back
            return 0
        return (self._opened_for - since).total_seconds()
