"""Requests that a terminal signs: HTTP Message Signatures (RFC 9421), and of those the one form that we take.

    Content-Digest: sha-256=:<base64 of the body's digest>:                                        (RFC 9530)
    Signature-Input: <label>=("@method" "@path" "content-digest");created=<seconds>;keyid="…";nonce="…"
    Signature: <label>=:<base64 of the signature>:

The three components stand in any order, and so do the parameters; `alg` may be there too. A request that one of the
staff makes at a terminal has a fourth component, `"authorization"`: the terminal has signed whose request it is. A
signature is Ed25519 (RFC 9421 §3.3.6) or ECDSA on P-256 with SHA-256 (§3.3.4), whichever the key is. docs/adr/0019
tells why it is this scheme.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

WINDOW_SECONDS: Final = 300  # between its clock and ours, both ways; as Standard Webhooks has it (docs/adr/0017)
_COMPONENTS: Final = frozenset({"@method", "@path", "content-digest"})
_SESSION: Final = "authorization"
_REQUIRED: Final = frozenset({"created", "keyid", "nonce"})
_INPUT: Final = re.compile(
    r'(?P<label>[a-z][a-z0-9_.*-]{0,31})=(?P<params>\((?P<components>"[^"]+"(?: "[^"]+"){2,3})\)(?P<more>(?:;[^;]+)+))'
)
_PARAMETER: Final = re.compile(r'(?P<name>[a-z]+)=(?:(?P<number>\d{1,15})|"(?P<text>[A-Za-z0-9._:/+=-]{1,128})")')
_SIGNATURE: Final = re.compile(r"(?P<label>[a-z][a-z0-9_.*-]{0,31})=:(?P<value>[A-Za-z0-9+/=]{1,200}):")
_NONCE: Final = re.compile(r"[A-Za-z0-9._:/+=-]{16,128}")
_BYTES_OF_P256: Final = 32

PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey


class RequestNotSigned(ValueError):
    """A request bears no signature of the form that we take."""


class PublicKeyNotTaken(ValueError):
    """This is no public key in PEM, or neither Ed25519 nor P-256."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that says who has signed it and when; whether it is so shows only with the key (`is_by`).

    `digest` is of everything that was signed: of two requests with one nonce it tells whether they are the same.
    `covers_authorization` says that `Authorization` is signed too.
    """

    key_id: str
    nonce: str
    created: int
    algorithm: str | None
    base: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    covers_authorization: bool = False

    @classmethod
    def read(cls, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Self:
        """Read what a request says of its signature; the digest of its body is checked here.

        Raises:
            RequestNotSigned: it says nothing, or not in our form, or has another body.
        """
        asked = _INPUT.fullmatch(headers.get("signature-input", ""))
        signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
        if asked is None or signature is None or asked["label"] != signature["label"]:
            raise RequestNotSigned
        components = re.findall(r'"([^"]+)"', asked["components"])
        if set(components) - {_SESSION} != _COMPONENTS or len(set(components)) != len(components):
            raise RequestNotSigned
        said = _parameters(asked["more"])
        digest = headers.get("content-digest", "")
        if not hmac.compare_digest(digest.encode(), digest_of(body).encode()):
            raise RequestNotSigned
        values = {"@method": method, "@path": path, "content-digest": digest}
        if _SESSION in components:
            values[_SESSION] = _held(headers)
        return cls(
            key_id=said["keyid"],
            nonce=said["nonce"],
            created=int(said["created"]),
            algorithm=said.get("alg"),
            base=signature_base([(name, values[name]) for name in components], asked["params"]),
            signature=_bytes(signature["value"]),
            covers_authorization=_SESSION in components,
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was signed."""
        return hashlib.sha256(self.base).digest()

    def is_timely(self, now: float) -> bool:
        """Say whether it was signed within five minutes of a moment (seconds since 1970), before or after."""
        return abs(now - self.created) <= WINDOW_SECONDS

    def is_by(self, public_key: bytes) -> bool:
        """Say whether the holder of a key has signed it; the key as `public_key` made it."""
        key = _key(public_key)
        if self.algorithm not in (None, algorithm_of(key)):
            return False
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(self.signature, self.base)
            else:
                key.verify(_der(self.signature), self.base, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def digest_of(body: bytes) -> str:
    """Return the `Content-Digest` of a body (RFC 9530 §2)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def signature_base(components: Sequence[tuple[str, str]], params: str) -> bytes:
    """Return what is signed (RFC 9421 §2.5): a line for each component, then the parameters as they were sent."""
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def public_key(text: bytes) -> bytes:
    """Read a public key in PEM (SubjectPublicKeyInfo); return it in the form that is kept (DER).

    Raises:
        PublicKeyNotTaken: it is none, or neither Ed25519 nor P-256.
    """
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PublicKeyNotTaken from error
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not is_p256 and not isinstance(key, Ed25519PublicKey):
        raise PublicKeyNotTaken
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def algorithm_of(key: PublicKey) -> str:
    """Return the name of a key's algorithm (RFC 9421 §6.2)."""
    return "ed25519" if isinstance(key, Ed25519PublicKey) else "ecdsa-p256-sha256"


def _held(headers: Mapping[str, str]) -> str:
    """Return `Authorization` as it is signed; what is not there cannot be."""
    value = headers.get(_SESSION, "").strip()
    if not value:
        raise RequestNotSigned
    return value


def _parameters(written: str) -> Mapping[str, str]:
    said: dict[str, str] = {}
    for part in written.removeprefix(";").split(";"):
        match = _PARAMETER.fullmatch(part)
        if match is None or match["name"] in said or (match["name"] == "created") is not (match["number"] is not None):
            raise RequestNotSigned
        said[match["name"]] = match["number"] or match["text"]
    if not said.keys() >= _REQUIRED or said.keys() - _REQUIRED - {"alg"} or not _NONCE.fullmatch(said["nonce"]):
        raise RequestNotSigned
    return said


@lru_cache(maxsize=10_000)
def _key(public_key: bytes) -> PublicKey:
    key = load_der_public_key(public_key)
    assert isinstance(key, Ed25519PublicKey | ec.EllipticCurvePublicKey)
    return key


def _der(signature: bytes) -> bytes:
    """Return an ECDSA signature, r and s side by side, as the library wants it; a wrong length is signed by nobody."""
    if len(signature) != 2 * _BYTES_OF_P256:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:_BYTES_OF_P256]), int.from_bytes(signature[_BYTES_OF_P256:]))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise RequestNotSigned from error
