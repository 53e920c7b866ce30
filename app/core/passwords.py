"""Hashes passwords slowly, beside the event loop and within bounds.

argon2id over an HMAC with a pepper: a stolen database alone allows no guessing, not even of six digits.
"""

import asyncio
import hashlib
import hmac
import os
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import Type

from app.core.errors import Unavailable

T = TypeVar("T")


class Busy(Unavailable):
    """More password checks are waiting than can be done in reasonable time."""

    code = "busy-try-again"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes: passes over so much memory."""

    passes: int
    kibibytes: int


OWASP: Final = Cost(passes=2, kibibytes=19 * 1024)
"""What the OWASP Password Storage Cheat Sheet asks of argon2id."""


class Passwords:
    """Makes and checks password hashes in a small thread pool; argon2 lets go of the interpreter lock."""

    def __init__(self, pepper: bytes, *, threads: int = 2, waiting: int = 200, cost: Cost = OWASP) -> None:
        self._pepper = pepper
        self._argon2 = PasswordHasher(time_cost=cost.passes, memory_cost=cost.kibibytes, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._free = waiting + threads
        self._nobody = _of_no_password(cost)

    async def hash(self, password: str) -> str:
        """Return the argon2id hash to store.

        Raises:
            Busy: too many are waiting.
        """
        return await self._run(self._argon2.hash, self._peppered(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Say whether the password is the stored one; with nothing stored, take as long and say no.

        Raises:
            Busy: too many are waiting.
        """
        right = await self._run(self._verify, stored or self._nobody, self._peppered(password))
        return right and stored is not None

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: str | bytes) -> T:
        if self._free == 0:
            raise Busy(retry_after_seconds=2)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._free += 1

    def _verify(self, stored: str, peppered: bytes) -> bool:
        try:
            return self._argon2.verify(stored, peppered)
        except VerificationError:
            return False

    def _peppered(self, password: str) -> bytes:
        # Keyboards write an accented letter as one character or as two (RFC 8265 §4.2.2).
        return hmac.digest(self._pepper, unicodedata.normalize("NFC", password).encode(), hashlib.sha256)


def _of_no_password(cost: Cost) -> str:
    """Return what looks like a hash and takes as long to check, and is that of no password."""
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={cost.kibibytes},t={cost.passes},p=1${salt}${digest}"
