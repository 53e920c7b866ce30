"""Ctrl-C and SIGTERM: heard whenever they come, and answered by putting things away and ending without a trace.

They are raised as an exception, and an exception can get lost: where Python runs a callback of its own (a weak
reference dies, a module's lock is let go, a child is forked), it is reported and forgotten. So the wish is kept too,
and `heed` between two steps ends what goes on in spite of it.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final, NoReturn

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_wishes: list[int] = []


def listen() -> None:
    """Hear both signals from now on, also where a shell has started us with Ctrl-C ignored."""
    sys.unraisablehook = _report
    for number in SIGNALS:
        signal.signal(number, _stop)


def heed() -> None:
    """End if that was wished before.

    Raises:
        SystemExit: it was; the status is the one that shells give to those who end by a signal.
    """
    if _wishes:
        _leave()


@contextlib.contextmanager
def meaning(answer: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """While the block lasts, the signals mean `answer` and end nothing by themselves."""
    before = {number: signal.signal(number, answer) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _: FrameType | None) -> None:
    _wishes.append(number)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _leave()
    # Raised here, it could hit the loop between two steps and take the next one with it, for which others then wait.
    loop.call_soon_threadsafe(_leave)


def _leave() -> NoReturn:
    sys.exit(128 + _wishes[0])


def _report(lost: "sys.UnraisableHookArgs") -> None:
    """Report what got lost in a callback; a wish that did is no fault."""
    if not (_wishes and isinstance(lost.exc_value, SystemExit)):
        sys.__unraisablehook__(lost)
