"""Signatures that others verify, offline too: presentation codes, statements, receipts (ES256, RFC 7515 and 7518).

The public keys are published as a JWK set (RFC 7517); one key signs, all of them are good for verifying. Each
kind of document has a `typ` of its own, so that one is never taken for another.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jws
from jose.exceptions import JOSEError

_ALGORITHM: Final = "ES256"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186-4 §D.1.2.3)


class NotOurs(ValueError):
    """It does not carry our signature, or is of another kind."""


def private_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key on P-256 that follows from a 32-byte seed."""
    return ec.derive_private_key(int.from_bytes(seed) % (_ORDER - 1) + 1, ec.SECP256R1())


class _Signer:
    """One key; `kid` is the beginning of its thumbprint (RFC 7638), short because it goes into QR codes."""

    def __init__(self, seed: bytes) -> None:
        pem = private_key(seed).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.private = jwk.construct(pem, _ALGORITHM)
        self.verifying = self.private.public_key()
        public = self.verifying.to_dict()
        self.public: Mapping[str, str] = {name: _word(public[name]) for name in ("crv", "kty", "x", "y")}
        thumbprint = hashlib.sha256(orjson.dumps(self.public, option=orjson.OPT_SORT_KEYS)).digest()
        self.kid = base64.urlsafe_b64encode(thumbprint).decode()[:11]


class Published:
    """Signs, verifies, and tells the keys to whoever wants to verify."""

    def __init__(self, seeds: Mapping[int, bytes], *, issuer: str, signs: int | None = None) -> None:
        """Make the keys of 32-byte seeds; the version `signs` does that, the highest where none is named."""
        first = max(seeds) if signs is None else signs
        in_order = sorted(seeds, key=lambda version: (version != first, -version))
        self._signers = [_Signer(seeds[version]) for version in in_order]
        self._issuer = issuer

    def sign(self, typ: str, claims: Mapping[str, object]) -> str:
        """Return a compact JWS of the claims and `iss`; times are the caller's to put in."""
        signer = self._signers[0]
        token: str = jws.sign(
            {"iss": self._issuer, **claims}, signer.private, headers=_headers(signer.kid, typ), algorithm=_ALGORITHM
        )
        return token

    def verify(self, typ: str, token: str) -> Mapping[str, object]:
        """Return the claims of what `sign` made under the same `typ`; times are the caller's to check.

        Raises:
            NotOurs: it was not, whatever is wrong with it.
        """
        for signer in self._signers:
            # One way to write each header: no room for `alg: none`, another algorithm, `crit`, `jku`, `jwk` or `x5u`.
            if token.startswith(_prefix(signer, typ)):
                return self._claims(signer, token)
        raise NotOurs

    def jwks(self) -> Sequence[Mapping[str, Any]]:
        """Return the public keys as JWKs (RFC 7517 §4), the one that signs first."""
        return [{**signer.public, "alg": _ALGORITHM, "kid": signer.kid, "use": "sig"} for signer in self._signers]

    def _claims(self, signer: _Signer, token: str) -> Mapping[str, object]:
        try:
            claims = orjson.loads(jws.verify(token, signer.verifying, [_ALGORITHM]))
        except (JOSEError, ValueError) as error:
            raise NotOurs from error
        if not isinstance(claims, dict) or claims.get("iss") != self._issuer:
            raise NotOurs
        return claims


def _headers(kid: str, typ: str) -> dict[str, str]:
    return {"kid": kid, "typ": typ}


@lru_cache(maxsize=64)
def _prefix(signer: _Signer, typ: str) -> str:
    token: str = jws.sign({}, signer.private, headers=_headers(signer.kid, typ), algorithm=_ALGORITHM)
    return token.partition(".")[0] + "."


def _word(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
