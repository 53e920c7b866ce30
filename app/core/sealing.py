"""Keeps personal values unreadable at rest, and findable all the same.

Every home (a person, or an account not yet tied to one) has a data key of its own, stored wrapped by the key ring; what
is personal is sealed under it and bound to its table, column and row. Looking up by value goes through keyed HMACs.
"""

import hashlib
import hmac
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_INTERNATIONAL = b"\x01"  # first byte of a sealed value: the suite, so that another one can stand beside it
_NONCE_BYTES = 12  # NIST SP 800-38D §5.2.1.1
_CACHE_SECONDS = 300
_CACHE_KEYS = 20_000


class KeyRing(Protocol):
    """Wraps data keys; the promise is the port's (`app.ports.keys.Keys`)."""

    async def wrap(self, data_key: bytes) -> bytes: ...

    async def unwrap(self, wrapped: bytes) -> bytes: ...


class DataKey:
    """The key of one home; seals and opens its values."""

    __slots__ = ("_aead",)

    def __init__(self, secret: bytes) -> None:
        self._aead = AESGCM(secret)

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
        return _INTERNATIONAL + nonce + self._aead.encrypt(nonce, value, column.encode() + row.bytes)

    def open_bytes(self, column: str, row: UUID, sealed: bytes) -> bytes:
        """Open what `seal_bytes` made for the same column and row."""
        return self._aead.decrypt(sealed[1:13], sealed[13:], column.encode() + row.bytes)


class Vault:
    """Gives out data keys: new ones wrapped, wrapped ones opened and kept, so many at most, for five minutes."""

    def __init__(self, ring: KeyRing, system_secret: bytes, *, most: int = _CACHE_KEYS) -> None:
        self._ring = ring
        self._most = most
        self._open: OrderedDict[bytes, tuple[float, DataKey]] = OrderedDict()
        self.system = DataKey(system_secret)  # for values of no home: kept answers, the embedded register

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
        key = DataKey(secret)
        self._open[wrapped] = (time.monotonic() + _CACHE_SECONDS, key)
        self._open.move_to_end(wrapped)
        if len(self._open) > self._most:
            self._open.popitem(last=False)
        return key


class Lookup:
    """Keyed digests of values that must be found again: numbers, phones, codes.

    The routing key decides the bucket and never changes; peppers make the stored digests and can be rotated: all
    versions are read, the newest is written.
    """

    def __init__(self, routing_key: bytes, peppers: Mapping[int, bytes]) -> None:
        self._routing_key = routing_key
        self._peppers = dict(sorted(peppers.items(), reverse=True))
        self.version = next(iter(self._peppers))

    def bucket(self, kind: str, value: str) -> int:
        """Return the bucket (0..65535) of a value: the first 16 bits of its routing HMAC."""
        return int.from_bytes(_hmac(self._routing_key, kind, value)[:2])

    def digest(self, kind: str, value: str) -> bytes:
        """Return the digest that is written today, 32 bytes."""
        return _hmac(self._peppers[self.version], kind, value)

    def digests(self, kind: str, value: str) -> list[bytes]:
        """Return the digests under every pepper in use, newest first: what a look-up compares with."""
        return [_hmac(pepper, kind, value) for pepper in self._peppers.values()]


def _hmac(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}:{value}".encode(), hashlib.sha256)


class Chain:
    """Chains records by HMAC, so that none can be changed or taken out unseen."""

    START = bytes(32)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mac(self, previous: bytes, content: bytes) -> bytes:
        """Return the 32-byte code of a record that follows the one with code `previous`."""
        return hmac.digest(self._key, previous + content, hashlib.sha256)
