"""Slows one address down, which is never shut out, for carriers share them; and the users of one channel."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address
from math import ceil
from typing import Final
from uuid import UUID

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.core.errors import AppError, TooMany
from app.ports.images import ImagesBusy
from app.ports.medical_funds import MedicalFundsUnavailable

_MINUTE: Final = 60
_UPLOADS_AT_ONCE: Final = 4  # the pages of one document
_PREVIEWS_AT_ONCE: Final = 2  # another amount while the first is asked about


class Traffic:
    """Counts requests of addresses and channels in this process; approximate, for exact limits are rows.

    What is on every path is counted by hand, minute for minute: what it counts is forgotten when the minute is over.
    """

    def __init__(
        self,
        *,
        requests_per_minute: int,
        sms_codes_per_hour: int,
        statement_checks_per_minute: int = 60,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._requests_per_minute = requests_per_minute
        self._requests: dict[str, int] = {}
        self._in_channels: dict[str, int] = {}
        self._minute_ends = 0.0
        self._uploads: dict[UUID, int] = {}
        self._previews: dict[UUID, int] = {}
        self._sms_codes = RateLimitItemPerHour(sms_codes_per_hour)
        self._statement_checks = RateLimitItemPerMinute(statement_checks_per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def is_too_fast(self, address: str) -> TooMany | None:
        """Count one request of an address; return the refusal when it is one too many."""
        now = self._this_minute()
        line = line_of(address)
        used = self._requests[line] = self._requests.get(line, 0) + 1
        return None if used <= self._requests_per_minute else self._too_many(self._requests_per_minute, now)

    def count_in_channel(self, channel: str, most: int | None) -> None:
        """Count a request in a channel that has a limit of its own.

        Raises:
            TooMany: its users have asked for all that they may together this minute.
        """
        if most is None:
            return
        now = self._this_minute()
        used = self._in_channels[channel] = self._in_channels.get(channel, 0) + 1
        if used > most:
            raise self._too_many(most, now)

    @contextmanager
    def one_upload(self, account_id: UUID) -> Iterator[None]:
        """Let an account send a file beside few others of its own: memory and image workers are everybody's.

        Raises:
            ImagesBusy: four are under way.
        """
        with _beside_few(self._uploads, account_id, _UPLOADS_AT_ONCE, ImagesBusy(retry_after_seconds=5)):
            yield

    @contextmanager
    def one_preview(self, account_id: UUID) -> Iterator[None]:
        """Let an account ask what it would pay beside one other question of its own: whoever pays asks the same keeper.

        Raises:
            MedicalFundsUnavailable: two are under way.
        """
        refusal = MedicalFundsUnavailable(retry_after_seconds=1)
        with _beside_few(self._previews, account_id, _PREVIEWS_AT_ONCE, refusal):
            yield

    def count_sms_code(self, address: str) -> None:
        """Count a code asked for from an address.

        Raises:
            TooMany: the address has asked for all it gets this hour.
        """
        self._count(self._sms_codes, line_of(address))

    def count_statement_check(self, address: str) -> None:
        """Count a question about a statement's number.

        Raises:
            TooMany: the address has asked all that it may this minute.
        """
        self._count(self._statement_checks, line_of(address))

    def _this_minute(self) -> float:
        """Return what time it is; what was counted in a minute that is over is forgotten."""
        now = self._seconds()
        if now >= self._minute_ends:
            self._requests, self._in_channels = {}, {}
            self._minute_ends = now + _MINUTE
        return now

    def _too_many(self, most: int, now: float) -> TooMany:
        return TooMany(retry_after_seconds=ceil(self._minute_ends - now), quota=most, window_seconds=_MINUTE)

    def _count(self, limit: RateLimitItem, line: str) -> None:
        if not self._limiter.hit(limit, line):
            ends = self._limiter.get_window_stats(limit, line).reset_time
            wait_seconds = max(1, ceil(ends - time.time()))
            raise TooMany(retry_after_seconds=wait_seconds, quota=limit.amount, window_seconds=limit.get_expiry())


@contextmanager
def _beside_few(under_way: dict[UUID, int], account_id: UUID, most: int, refusal: AppError) -> Iterator[None]:
    """Count what an account has under way meanwhile; raise the refusal where that is enough already."""
    if under_way.get(account_id, 0) >= most:
        raise refusal
    under_way[account_id] = under_way.get(account_id, 0) + 1
    try:
        yield
    finally:
        under_way[account_id] -= 1
        if not under_way[account_id]:
            del under_way[account_id]


def line_of(address: str) -> str:
    """Return what is counted as one: an IPv4 address, or the /64 that an IPv6 line is given (RFC 6177)."""
    if ":" not in address:
        return address
    return f"{int(IPv6Address(address)) >> 64:016x}"
