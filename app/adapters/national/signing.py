"""Signs and seals what passes between us and the national gateway; the vectors are in docs/national-gateway.md.

Another way to sign (a hardware module that speaks SM2) is another `EnvelopeSigner`: nothing else knows how it is done.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Sequence
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12  # NIST SP 800-38D §5.2.1.1
_KEY_BYTES: Final = 32


class EnvelopeSigner(Protocol):
    """Signs texts, and says whether the gateway has signed one."""

    @property
    def name(self) -> str:
        """What stands as `signature_type`."""
        ...

    async def sign(self, text: bytes) -> str:
        """Return the signature that stands in the envelope."""
        ...

    async def is_genuine(self, text: bytes, signature: str) -> bool:
        """Say whether the gateway has signed the text."""
        ...


class HmacSigner(EnvelopeSigner):
    """HMAC-SHA256 with shared secrets: signs with each of them, so that one can be changed, and believes any."""

    name = "HMAC-SHA256"

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets:
            raise ValueError("without a secret nothing can be signed")
        self._secrets = tuple(secrets)

    async def sign(self, text: bytes) -> str:
        return " ".join(self._signatures(text))

    async def is_genuine(self, text: bytes, signature: str) -> bool:
        given, ours = [each.encode() for each in signature.split(" ")], self._signatures(text)
        return any([hmac.compare_digest(one.encode(), other) for one in ours for other in given])

    def _signatures(self, text: bytes) -> list[str]:
        return [base64.b64encode(hmac.digest(secret, text, "sha256")).decode() for secret in self._secrets]


class NotOpened(Exception):
    """A content that is not sealed under a key of ours, for this request."""


class EnvelopeCipher(Protocol):
    """Seals contents, bound to the number of the request that they are of."""

    @property
    def name(self) -> str:
        """What stands as `encryption`."""
        ...

    def seal(self, request_no: str, content: bytes) -> bytes:
        """Return what travels."""
        ...

    def open(self, request_no: str, sealed: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            NotOpened: it was not sealed by the gateway, or for another request.
        """
        ...


class InTheClear(EnvelopeCipher):
    """Leaves contents as they are: TLS alone hides them."""

    name = "none"

    def seal(self, request_no: str, content: bytes) -> bytes:
        return content

    def open(self, request_no: str, sealed: bytes) -> bytes:
        return sealed


class AesGcm(EnvelopeCipher):
    """AES-256-GCM: a nonce of twelve bytes, the ciphertext, the tag; the number of the request is bound to them.

    Seals with the first key and opens with any, so that one can be changed.
    """

    name = "AES-256-GCM"

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._aeads = [AESGCM(key) for key in keys]

    def seal(self, request_no: str, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aeads[0].encrypt(nonce, content, request_no.encode())

    def open(self, request_no: str, sealed: bytes) -> bytes:
        for aead in self._aeads:
            try:
                return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], request_no.encode())
            except (InvalidTag, ValueError):  # too short to hold a nonce is a ValueError
                continue
        raise NotOpened


def cipher_of(keys: str) -> EnvelopeCipher:
    """Return what seals under keys, each 32 bytes in base64, with spaces between; without one nothing is sealed.

    Raises:
        ValueError: one is no such key; the words do not tell it.
    """
    return AesGcm([_key(each) for each in keys.split()]) if keys.split() else InTheClear()


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a key for the national gateway is base64") from None
    if len(key) != _KEY_BYTES:
        raise ValueError("a key for the national gateway has 32 bytes")
    return key
