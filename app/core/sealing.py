"""Keeps personal values unreadable at rest, and findable all the same.

Every home (a person, or an account not yet tied to one) has a data key of its own, stored wrapped by the key ring; what
is personal is sealed under it and bound to its table, column and row. Looking up by value goes through keyed HMACs.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hmac import compare_digest
from typing import Protocol, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.core.suites import MARKS, Aead, Mac, Suite, SuiteKey, aead, mac

_SUITES = {mark: suite for suite, mark in MARKS.items()}
_NONCE_BYTES = 12  # NIST SP 800-38D §5.2.1.1
_CODE_BYTES = 32  # of an HMAC under either suite
_CACHE_SECONDS = 300
_CACHE_KEYS = 20_000


class KeyRing(Protocol):
    """Wraps data keys; the promise is the port's (`app.ports.keys.Keys`)."""

    async def wrap(self, data_key: bytes) -> bytes: ...

    async def unwrap(self, wrapped: bytes) -> bytes: ...


class DataKey:
    """The key of one home: seals under one suite, opens what was sealed under either.

    The first byte of a sealed value is the suite's mark; nonce (12 bytes), content and tag (16 bytes) follow.
    """

    __slots__ = ("_aead", "_aeads", "_mark", "_secret")

    def __init__(self, secret: bytes, suite: Suite) -> None:
        self._secret = secret
        self._mark = MARKS[suite]
        self._aead = aead(suite, secret)
        self._aeads = {self._mark: self._aead}

    def seal(self, column: str, row: UUID, value: str) -> bytes:
        """Seal a text, bound to `table.column` and the row's id."""
        return self.seal_bytes(column, row, value.encode())

    def open(self, column: str, row: UUID, sealed: bytes) -> str:
        """Open what `seal` made for the same column and row.

        Raises:
            cryptography.exceptions.InvalidTag: sealed elsewhere, under another key, or tampered with.
        """
        return self.open_bytes(column, row, sealed).decode()

    def seal_bytes(self, column: str, row: UUID, value: bytes) -> bytes:
        """Seal bytes, bound to `table.column` and the row's id."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._mark + nonce + self._aead.encrypt(nonce, value, column.encode() + row.bytes)

    def open_bytes(self, column: str, row: UUID, sealed: bytes) -> bytes:
        """Open what `seal_bytes` made for the same column and row, under whichever suite."""
        opening = self._aeads.get(sealed[:1]) or self._of_another_suite(sealed[:1])
        return opening.decrypt(sealed[1:13], sealed[13:], column.encode() + row.bytes)

    def _of_another_suite(self, mark: bytes) -> Aead:
        suite = _SUITES.get(mark)
        if suite is None:
            raise InvalidTag
        self._aeads[mark] = made = aead(suite, self._secret)
        return made


class Vault:
    """Gives out data keys: new ones wrapped, wrapped ones opened and kept, so many at most, for five minutes."""

    def __init__(self, ring: KeyRing, system_secret: bytes, suite: Suite, *, most: int = _CACHE_KEYS) -> None:
        """Let all keys seal under `suite`; they open what was sealed under either."""
        self._ring = ring
        self.suite = suite
        self._most = most
        self._open: OrderedDict[bytes, tuple[float, DataKey]] = OrderedDict()
        self.system = DataKey(system_secret, suite)  # for values of no home: kept answers, the embedded register

    async def create(self) -> tuple[bytes, DataKey]:
        """Make a data key; answer its wrapped form, to be stored, and the key."""
        secret = os.urandom(32)
        wrapped = await self._ring.wrap(secret)
        return wrapped, self._remember(wrapped, secret)

    async def unlock(self, wrapped: bytes) -> DataKey:
        """Open a wrapped data key."""
        return self.cached(wrapped) or self._remember(wrapped, await self._ring.unwrap(wrapped))

    def cached(self, wrapped: bytes) -> DataKey | None:
        """Return the key if it was opened within the last five minutes."""
        entry = self._open.get(wrapped)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def forget(self, wrapped: bytes) -> None:
        """Drop a key that was destroyed; other processes drop theirs within five minutes."""
        self._open.pop(wrapped, None)

    def _remember(self, wrapped: bytes, secret: bytes) -> DataKey:
        key = DataKey(secret, self.suite)
        self._open[wrapped] = (time.monotonic() + _CACHE_SECONDS, key)
        self._open.move_to_end(wrapped)
        if len(self._open) > self._most:
            self._open.popitem(last=False)
        return key


class Lookup:
    """Keyed digests of values that must be found again: numbers, phones, codes.

    The routing key decides the bucket and never changes, by HMAC-SHA-256 under either suite; peppers make the stored
    digests, each by the MAC of its own suite, and can be rotated: all versions are read, one is written.

    A digest is 32 bytes under pepper 1, as from the beginning; under every other the version comes before it, in one
    byte. One that is made once for ever, of what nobody could guess, has the version 0.
    """

    def __init__(self, routing_key: bytes, peppers: Mapping[int, SuiteKey], written: int | None = None) -> None:
        """Let the pepper of the version `written` write, the highest where none is named."""
        self._route = mac(Suite.INTERNATIONAL, routing_key)
        self.version = max(peppers) if written is None else written
        in_order = sorted(peppers, key=lambda version: (version != self.version, -version))
        self._peppers = {version: mac(peppers[version].suite, peppers[version].secret) for version in in_order}

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that are read, the one that is written first."""
        return tuple(self._peppers)

    def bucket(self, kind: str, value: str) -> int:
        """Return the bucket (0..65535) of a value: the first 16 bits of its routing HMAC."""
        return int.from_bytes(_code(self._route, kind, value)[:2])

    def digest(self, kind: str, value: str) -> "KeyedDigest":
        """Return the digest that is written today, 32 or 33 bytes; it knows those under the other peppers in use."""
        first, *others = self.digests(kind, value)
        return KeyedDigest(first, others)

    def digests(self, kind: str, value: str) -> list[bytes]:
        """Return the digests under every pepper in use, what is written first: what a look-up compares with."""
        return [self._digest(version, kind, value) for version in self._peppers]

    def claims(self, kind: str, value: str) -> dict[int, bytes]:
        """Return the digests under every pepper in use, by version: what can be taken once is taken under all of them.

        So two who take it at once meet, also where one of them does not write yet what the other does.
        """
        return {version: self._digest(version, kind, value) for version in sorted(self._peppers)}

    def lasting(self, kind: str, value: str) -> bytes:
        """Return a digest that no rotation changes, 33 bytes: of random values alone, which nobody can guess."""
        return b"\x00" + _code(self._route, f"lasting:{kind}", value)

    def of_nothing(self) -> bytes:
        """Return what looks like a digest that is written today, and is none of anything."""
        return _marked(self.version, os.urandom(32))

    @staticmethod
    def version_of(digest: bytes) -> int:
        """Return the version of the pepper that a digest was made under; 0 for one that lasts."""
        return 1 if len(digest) == _CODE_BYTES else digest[0]

    def _digest(self, version: int, kind: str, value: str) -> bytes:
        return _marked(version, _code(self._peppers[version], kind, value))


class KeyedDigest(bytes):
    """A digest as it is written; `others` are those of the same value under the other peppers in use."""

    others: tuple[bytes, ...]

    def __new__(cls, written: bytes, others: Iterable[bytes] = ()) -> Self:
        made = super().__new__(cls, written)
        made.others = tuple(others)
        return made


def _marked(version: int, code: bytes) -> bytes:
    return code if version == 1 else bytes([version]) + code


def _code(pepper: Mac, kind: str, value: str) -> bytes:
    return pepper(f"{kind}:{value}".encode())


class Chain:
    """Chains records by HMAC, so that none can be changed or taken out unseen.

    A code of `international` is its 32 bytes alone, as from the beginning; one of `sm` has that suite's mark before it.
    """

    START = bytes(32)

    def __init__(self, key: bytes, suite: Suite) -> None:
        self._suite = suite
        self._macs = {each: mac(each, key) for each in Suite}

    def mac(self, previous: bytes, content: bytes) -> bytes:
        """Return the code of a record that follows the one with code `previous`."""
        return self._mac(self._suite, previous, content)

    def holds(self, previous: bytes, content: bytes, code: bytes) -> bool:
        """Say whether `code` is what `mac` gives for this record, or has given under the other suite."""
        suite = Suite.INTERNATIONAL if len(code) == len(self.START) else Suite.SM
        return compare_digest(code, self._mac(suite, previous, content))

    def _mac(self, suite: Suite, previous: bytes, content: bytes) -> bytes:
        code = self._macs[suite](previous + content)
        return code if suite is Suite.INTERNATIONAL else MARKS[suite] + code
