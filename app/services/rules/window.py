"""Rules of what happens at a branch's window."""

from app.services.rules.base import Rule


class Window(Rule):
    """How often a day a lock is lifted for one holder, and how late requests signed without a connection are heard.

    `offline_minutes` from the moment something was done until it is replayed; `offline_most` in one batch. No official
    text gives these numbers.
    """

    unlocks_a_day: int
    offline_minutes: int
    offline_most: int
