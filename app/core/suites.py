"""The two cipher suites that protect what is kept: one written today, both read at any time.

`international` is AES-256-GCM, SHA-256 and argon2id; `sm` is China's commercial cryptography: SM4-GCM (GB/T 32907,
RFC 8998), SM3 (GB/T 32905), HMAC-SM3 and PBKDF2-HMAC-SM3. Every secret has 32 bytes under either. Under `sm` none is
used as it is: HKDF-SM3 (RFC 5869, no salt) gives a key for each algorithm, so that one secret can serve both suites.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_TAG_BYTES: Final = 16  # of GCM under either suite (RFC 8998 §2)
_SM4_KEY_BYTES: Final = 16
_MAC_BYTES: Final = 32


class Suite(StrEnum):
    """Which algorithms protect something."""

    INTERNATIONAL = "international"
    SM = "sm"


MARKS: Final[Mapping[Suite, bytes]] = {Suite.INTERNATIONAL: b"\x01", Suite.SM: b"\x02"}
"""The first byte of what is sealed: it says under which suite."""


@dataclass(frozen=True, slots=True)
class SuiteKey:
    """A version of a key: 32 bytes, and the suite that it is used in."""

    suite: Suite
    secret: bytes = field(repr=False)


class Aead(Protocol):
    """Seals bytes under a nonce of 12 bytes, with a tag of 16; opening what it did not seal raises `InvalidTag`."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes: ...


Mac = Callable[[bytes], bytes]
"""Gives the 32-byte code of a message."""


def aead(suite: Suite, secret: bytes) -> Aead:
    """Return what seals under a 32-byte secret: AES-256-GCM with it, or SM4-GCM with a key made from it."""
    match suite:
        case Suite.INTERNATIONAL:
            return AESGCM(secret)
        case Suite.SM:
            return Sm4Gcm(_derived(secret, b"SM4-GCM", _SM4_KEY_BYTES))


def mac(suite: Suite, secret: bytes) -> Mac:
    """Return what gives codes under a secret: HMAC-SHA-256 with it, or HMAC-SM3 with a key made from it."""
    match suite:
        case Suite.INTERNATIONAL:
            return lambda message: hmac.digest(secret, message, hashlib.sha256)
        case Suite.SM:
            key = _derived(secret, b"HMAC-SM3", _MAC_BYTES)
            return lambda message: hmac_sm3(key, message)


class Sm4Gcm:
    """SM4 in Galois/counter mode with a key of 16 bytes, as RFC 8998 has it; the library has no shorter way to it."""

    def __init__(self, key: bytes) -> None:
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Return the sealed data, its tag at the end."""
        sealing = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(associated_data)
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Return what `encrypt` has sealed.

        Raises:
            cryptography.exceptions.InvalidTag: sealed under another key, or changed, or cut short.
        """
        if len(data) < _TAG_BYTES:
            raise InvalidTag
        opening = Cipher(self._cipher, modes.GCM(nonce, data[-_TAG_BYTES:])).decryptor()
        opening.authenticate_additional_data(associated_data)
        return opening.update(data[:-_TAG_BYTES]) + opening.finalize()


def hmac_sm3(key: bytes, message: bytes) -> bytes:
    """Return the HMAC (RFC 2104) of a message by SM3, 32 bytes."""
    code = HMAC(key, SM3())
    code.update(message)
    return code.finalize()


def _derived(secret: bytes, use: bytes, size_bytes: int) -> bytes:
    return HKDF(algorithm=SM3(), length=size_bytes, salt=None, info=b"escard " + use).derive(secret)
