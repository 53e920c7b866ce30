"""Slows one address down: carriers share addresses, so it is never shut out."""

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.core.errors import TooMany


class Traffic:
    """Counts requests of addresses in this process; approximate, for exact limits are rows."""

    def __init__(self, *, requests_per_minute: int, sms_codes_per_hour: int) -> None:
        self._requests = RateLimitItemPerMinute(requests_per_minute)
        self._sms_codes = RateLimitItemPerHour(sms_codes_per_hour)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def is_too_fast(self, address: str) -> TooMany | None:
        """Count one request of an address; return the refusal when it is one too many."""
        return self._hit(self._requests, address)

    def count_sms_code(self, address: str) -> None:
        """Count a code asked for from an address.

        Raises:
            TooMany: the address has asked for all it gets this hour.
        """
        if refusal := self._hit(self._sms_codes, "sms:" + address):
            raise refusal

    def _hit(self, limit: RateLimitItemPerMinute | RateLimitItemPerHour, who: str) -> TooMany | None:
        if self._limiter.hit(limit, who):
            return None
        window_seconds = limit.get_expiry()
        return TooMany(retry_after_seconds=min(60, window_seconds), quota=limit.amount, window_seconds=window_seconds)
