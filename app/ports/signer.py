"""The port to the SM2 key of this installation: China's signatures (GB/T 32918), beside those that all channels know.

In production the key lies in a hardware module, which an adapter asks; the reference adapter runs the system's OpenSSL.
"""

from dataclasses import dataclass
from typing import Final, Protocol, Self

from app.core.errors import Unavailable

USER_ID: Final = b"1234567812345678"
"""The signer's id that enters each signature: the one of GM/T 0009, which everybody takes who agrees on no other."""

# The curve of GB/T 32918.5: y² = x³ - 3x + b over the integers modulo p.
_P: Final = 2**256 - 2**224 - 2**96 + 2**64 - 1
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_COORDINATE_BYTES: Final = 32
# SubjectPublicKeyInfo (RFC 5280 §4.1) of a key on it, up to the point: id-ecPublicKey, 1.2.156.10197.1.301, 66 bytes.
_SPKI: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_UNCOMPRESSED: Final = b"\x04"


class SignerUnavailable(Unavailable):
    """What signs does not answer."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of SM2: a point of the curve.

    Raises:
        ValueError: it is none.
    """

    x: bytes
    y: bytes

    def __post_init__(self) -> None:
        x, y = int.from_bytes(self.x), int.from_bytes(self.y)
        is_on_curve = max(x, y) < _P and (y * y - x**3 + 3 * x - _B) % _P == 0
        if not is_on_curve or {len(self.x), len(self.y)} != {_COORDINATE_BYTES}:
            raise ValueError("this is no point of SM2")

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Read a SubjectPublicKeyInfo, the content of `BEGIN PUBLIC KEY`.

        Raises:
            ValueError: it is of another kind.
        """
        start = _SPKI + _UNCOMPRESSED
        if not der.startswith(start):
            raise ValueError("this is no public key of SM2")
        point = der[len(start) :]
        return cls(point[:_COORDINATE_BYTES], point[_COORDINATE_BYTES:])

    @property
    def der(self) -> bytes:
        """Its SubjectPublicKeyInfo."""
        return _SPKI + _UNCOMPRESSED + self.x + self.y


class Verifier(Protocol):
    """Checks what others have signed with their keys: SM2 with SM3."""

    async def verify(self, key: PublicKey, message: bytes, signature: bytes, *, user_id: bytes = USER_ID) -> bool:
        """Say whether the holder of a key has signed a message; `user_id` (1 to 64 bytes) is how they are called in it.

        Raises:
            SignerUnavailable: no answer in time.
        """
        ...


class Signer(Verifier, Protocol):
    """Signs with the installation's key and `USER_ID`, too."""

    @property
    def public_key(self) -> PublicKey:
        """The key that `sign` is checked with."""
        ...

    async def sign(self, message: bytes) -> bytes:
        """Return the signature of a message (at most 1 MiB): r and s as a SEQUENCE in DER (GM/T 0009 §7.3).

        Raises:
            SignerUnavailable: no answer in time.
        """
        ...

    async def close(self) -> None:
        """Let it go."""
        ...
