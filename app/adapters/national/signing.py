"""Signs and seals what passes between us and the national gateway; the vectors are in docs/national-gateway.md.

How it is signed is an `EnvelopeSigner`; nothing else knows it.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.suites import Aead, Sm4Gcm, Suite, hmac_sm3
from app.ports.signer import PublicKey, Signer

_NONCE_BYTES: Final = 12  # NIST SP 800-38D §5.2.1.1


@dataclass(frozen=True, slots=True)
class _Aead:
    """A way to seal: its name, how long its keys are, and what makes it of one."""

    name: str
    key_bytes: int
    made: Callable[[bytes], Aead]


_AEADS: Final[Mapping[Suite, _Aead]] = {
    Suite.INTERNATIONAL: _Aead("AES-256-GCM", 32, AESGCM),
    Suite.SM: _Aead("SM4-GCM", 16, Sm4Gcm),
}
_MACS: Final[Mapping[Suite, tuple[str, Callable[[bytes, bytes], bytes]]]] = {
    Suite.INTERNATIONAL: ("HMAC-SHA256", lambda secret, text: hmac.digest(secret, text, "sha256")),
    Suite.SM: ("HMAC-SM3", hmac_sm3),
}


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


class MacSigner(EnvelopeSigner):
    """A code with shared secrets: signs with each of them, so that one can be changed, and believes any."""

    def __init__(self, suite: Suite, secrets: Sequence[bytes]) -> None:
        if not secrets:
            raise ValueError("without a secret nothing can be signed")
        self._name, self._mac = _MACS[suite]
        self._secrets = tuple(secrets)

    @property
    def name(self) -> str:
        return self._name

    async def sign(self, text: bytes) -> str:
        return " ".join(self._signatures(text))

    async def is_genuine(self, text: bytes, signature: str) -> bool:
        given, ours = [each.encode() for each in signature.split(" ")], self._signatures(text)
        return any([hmac.compare_digest(one.encode(), other) for one in ours for other in given])

    def _signatures(self, text: bytes) -> list[str]:
        return [base64.b64encode(self._mac(secret, text)).decode() for secret in self._secrets]


class Sm2Signer(EnvelopeSigner):
    """SM2 with SM3: signs with this installation's key, and believes the gateway's; nobody shares a secret.

    Either method raises `SignerUnavailable` where the key cannot be reached.
    """

    name = "SM2-SM3"

    def __init__(self, signer: Signer, theirs: PublicKey) -> None:
        self._signer = signer
        self._theirs = theirs

    async def sign(self, text: bytes) -> str:
        return base64.b64encode(await self._signer.sign(text)).decode()

    async def is_genuine(self, text: bytes, signature: str) -> bool:
        try:
            der = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        return await self._signer.verify(self._theirs, text, der)


def public_key(text: str) -> PublicKey:
    """Read the gateway's key of SM2: its SubjectPublicKeyInfo in base64, what stands between the lines of a PEM file.

    Raises:
        ValueError: it is none.
    """
    return PublicKey.from_der(base64.b64decode("".join(text.split()), validate=True))


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


class Sealing(EnvelopeCipher):
    """AES-256-GCM or SM4-GCM: a nonce of twelve bytes, ciphertext, tag; the number of the request is bound to them.

    Seals with the first key and opens with any, so that one can be changed.
    """

    def __init__(self, suite: Suite, keys: Sequence[bytes]) -> None:
        cipher = _AEADS[suite]
        self._name = cipher.name
        self._aeads = [cipher.made(key) for key in keys]

    @property
    def name(self) -> str:
        return self._name

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


def cipher_of(suite: Suite, keys: str) -> EnvelopeCipher:
    """Return what seals under keys in base64, with spaces between; without one nothing is sealed.

    Raises:
        ValueError: one is no such key; the words do not tell it.
    """
    found = [_key(each, _AEADS[suite].key_bytes) for each in keys.split()]
    return Sealing(suite, found) if found else InTheClear()


def _key(text: str, size: int) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a key for the national gateway is base64") from None
    if len(key) != size:
        raise ValueError(f"a key for the national gateway has {size} bytes under this suite")
    return key
