"""Hashes passwords slowly, beside the event loop and within bounds.

argon2id (suite `international`) or PBKDF2-HMAC-SM3 (suite `sm`), over an HMAC with a pepper: a stolen database alone
allows no guessing, not even of six digits. A stored hash says its kind, and both kinds are checked under either suite.
"""

import asyncio
import hmac
import os
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import Type
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from app.core.errors import Unavailable
from app.core.suites import Suite, mac

T = TypeVar("T")

_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 32


class Busy(Unavailable):
    """More password checks are waiting than can be done in reasonable time."""

    code = "busy-try-again"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes: passes over so much memory (argon2id), or so many iterations (PBKDF2)."""

    passes: int
    kibibytes: int
    iterations: int


OWASP: Final = Cost(passes=2, kibibytes=19 * 1024, iterations=600_000)
"""What the OWASP Password Storage Cheat Sheet asks of argon2id, and of PBKDF2 with SHA-256: SM3 is as much work."""


class Passwords:
    """Makes and checks password hashes in a small thread pool; both kinds let go of the interpreter lock."""

    def __init__(
        self,
        pepper: bytes,
        suite: Suite,
        *,
        also: Collection[Suite] = (),
        threads: int = 2,
        waiting: int | None = None,
        cost: Cost = OWASP,
    ) -> None:
        """Hash by `suite`; `also` names suites of which stored hashes are about, so that nobody tells them by time."""
        kinds = (_Argon2id(pepper, cost), _Pbkdf2Sm3(pepper, cost))
        self._kinds = {kind.suite: kind for kind in kinds}
        self._kind = self._kinds[suite]
        self._usual = [kind for kind in kinds if kind.suite in {suite, *also}]
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        # Some four seconds of waiting at most; a check that was booked lapses after ten.
        most = 200 if suite is Suite.INTERNATIONAL else max(2, 24 * OWASP.iterations // cost.iterations)
        self._free = (most if waiting is None else waiting) + threads

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            Busy: too many are waiting.
        """
        return await self._run(self._kind.hash, _normal(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Say whether the password is the stored one; with nothing stored, take as long and say no.

        Raises:
            Busy: too many are waiting.
        """
        return await self._run(self._verify, stored, _normal(password))

    async def renewed(self, stored: str | None, password: str) -> str | None:
        """Return the hash to store instead of one of another kind or cost, for a password that has been proved right.

        Raises:
            Busy: too many are waiting.
        """
        return None if stored is None or self._kind.made(stored) else await self.hash(password)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: str | bytes | None) -> T:
        if self._free == 0:
            raise Busy(retry_after_seconds=2)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._free += 1

    def _verify(self, stored: str | None, password: bytes) -> bool:
        """Check a hash of each kind that may be stored, so that the time does not say which is, or whether any."""
        held = {} if stored is None else {self._kind_of(stored): stored}
        return any([kind.verify(held.get(kind, kind.nobody), password) for kind in {*self._usual, *held}])

    def _kind_of(self, stored: str) -> "_Kind":
        is_sm = stored.startswith(_Pbkdf2Sm3.START)
        return self._kinds[Suite.SM if is_sm else Suite.INTERNATIONAL]


class _Kind(Protocol):
    """One way of hashing; `nobody` looks like a hash of it, takes as long to check, and is that of no password."""

    suite: Suite
    nobody: str

    def hash(self, password: bytes) -> str: ...

    def verify(self, stored: str, password: bytes) -> bool: ...

    def made(self, stored: str) -> bool:
        """Say whether a hash is of this kind and cost."""
        ...


class _Argon2id(_Kind):
    """RFC 9106, in the form of its reference implementation."""

    suite = Suite.INTERNATIONAL

    def __init__(self, pepper: bytes, cost: Cost) -> None:
        self._pepper = mac(self.suite, pepper)
        self._argon2 = PasswordHasher(time_cost=cost.passes, memory_cost=cost.kibibytes, parallelism=1, type=Type.ID)
        self._start = f"$argon2id$v=19$m={cost.kibibytes},t={cost.passes},p=1$"
        self.nobody = f"{self._start}{_text(os.urandom(_SALT_BYTES))}${_text(os.urandom(_DIGEST_BYTES))}"

    def hash(self, password: bytes) -> str:
        return self._argon2.hash(self._pepper(password))

    def verify(self, stored: str, password: bytes) -> bool:
        try:
            return self._argon2.verify(stored, self._pepper(password))
        except VerificationError:
            return False

    def made(self, stored: str) -> bool:
        return stored.startswith(self._start)


class _Pbkdf2Sm3(_Kind):
    """PBKDF2 (RFC 8018 §5.2) with HMAC-SM3, in the same form: `$pbkdf2-sm3$i=600000$salt$digest`."""

    START: Final = "$pbkdf2-sm3$i="
    suite = Suite.SM

    def __init__(self, pepper: bytes, cost: Cost) -> None:
        self._pepper = mac(self.suite, pepper)
        self._iterations = cost.iterations
        self.nobody = self._stored(os.urandom(_SALT_BYTES), os.urandom(_DIGEST_BYTES))

    def hash(self, password: bytes) -> str:
        salt = os.urandom(_SALT_BYTES)
        return self._stored(salt, self._digest(password, salt, self._iterations))

    def verify(self, stored: str, password: bytes) -> bool:
        iterations, salt, digest = stored.removeprefix(self.START).split("$")
        return hmac.compare_digest(_bytes(digest), self._digest(password, _bytes(salt), int(iterations)))

    def made(self, stored: str) -> bool:
        return stored.startswith(f"{self.START}{self._iterations}$")

    def _digest(self, password: bytes, salt: bytes, iterations: int) -> bytes:
        return PBKDF2HMAC(SM3(), _DIGEST_BYTES, salt, iterations).derive(self._pepper(password))

    def _stored(self, salt: bytes, digest: bytes) -> str:
        return f"{self.START}{self._iterations}${_text(salt)}${_text(digest)}"


def _normal(password: str) -> bytes:
    # Keyboards write an accented letter as one character or as two (RFC 8265 §4.2.2).
    return unicodedata.normalize("NFC", password).encode()


def _text(content: bytes) -> str:
    return b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))
