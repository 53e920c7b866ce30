"""Slows one address down: carriers share addresses, so it is never shut out."""

import time
from math import ceil
from typing import Final

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.core.errors import TooMany

_MINUTE: Final = 60


class Traffic:
    """Counts requests of addresses in this process; approximate, for exact limits are rows.

    What is on every path is counted by hand, minute for minute: what it counts is forgotten when the minute is over.
    """

    def __init__(self, *, requests_per_minute: int, sms_codes_per_hour: int) -> None:
        self._requests_per_minute = requests_per_minute
        self._requests: dict[str, int] = {}
        self._minute_ends = 0.0
        self._sms_codes = RateLimitItemPerHour(sms_codes_per_hour)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def is_too_fast(self, address: str) -> TooMany | None:
        """Count one request of an address; return the refusal when it is one too many."""
        now = time.monotonic()
        if now >= self._minute_ends:
            self._requests = {}
            self._minute_ends = now + _MINUTE
        used = self._requests[address] = self._requests.get(address, 0) + 1
        if used <= self._requests_per_minute:
            return None
        wait_seconds = ceil(self._minute_ends - now)
        return TooMany(retry_after_seconds=wait_seconds, quota=self._requests_per_minute, window_seconds=_MINUTE)

    def count_sms_code(self, address: str) -> None:
        """Count a code asked for from an address.

        Raises:
            TooMany: the address has asked for all it gets this hour.
        """
        if not self._limiter.hit(self._sms_codes, "sms:" + address):
            window_seconds = self._sms_codes.get_expiry()
            raise TooMany(retry_after_seconds=_MINUTE, quota=self._sms_codes.amount, window_seconds=window_seconds)
