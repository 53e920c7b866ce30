"""What a channel says with its own signature: a JWT (RFC 7519, RFC 7523 §3) that is good for five minutes, and once.

Its header has `alg`, `kid` and `typ` alone. The key says which algorithm it is, and the header must say the same: ES256
on P-256, RS256 with RSA, `SM2_ALGORITHM` on the curve of GB/T 32918, for which JOSE has no name.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson
from jose import jwk, jws
from jose.exceptions import JOSEError
from jose.utils import base64url_decode

SM2_ALGORITHM: Final = "urn:escard:alg:sm2-sm3"
"""Ours, as RFC 7515 §4.1.1 wants names that nobody has registered: SM2 with SM3, the signature as r and s in DER."""

LONGEST_SECONDS: Final = 300  # from `iat` to `exp`
SKEW_SECONDS: Final = 60  # between a channel's clock and ours
_MOST_BYTES: Final = 8192
_ALGORITHMS: Final = {"P-256": "ES256", "RSA": "RS256", "SM2": SM2_ALGORITHM}  # by the curve, or the kind without one
_HEADERS: Final = {"alg", "kid", "typ"}
_ID: Final = re.compile(r"[A-Za-z0-9._~:/+=-]{16,128}")

BySm2 = Callable[[bytes, bytes], Awaitable[bool]]
"""Says whether a text is signed by SM2, with the key in question: the text, and the signature in DER."""


class AssertionNotTaken(ValueError):
    """It is no JWT of the form that we take, or not signed with this key."""


class AssertionNotTimely(ValueError):
    """It is over, is not yet to be, or would be good for more than five minutes."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A JWT, and who says to have signed it with which key; whether it is so shows only with the key (`claims`)."""

    issuer: str
    key_id: str
    _algorithm: str
    _typ: str
    _token: str = field(repr=False)

    @classmethod
    def read(cls, token: str) -> Self:
        """Read who says to have signed a token.

        Raises:
            AssertionNotTaken: it is not of our form.
        """
        try:
            if len(token) > _MOST_BYTES:
                raise AssertionNotTaken
            header, claims = jws.get_unverified_header(token), orjson.loads(jws.get_unverified_claims(token))
        except (JOSEError, ValueError, RecursionError) as error:  # the last of brackets in brackets in brackets
            raise AssertionNotTaken from error
        match header, claims:
            case {"kid": str(key_id), "alg": str(algorithm)}, {"iss": str(issuer)} if header.keys() <= _HEADERS:
                return cls(issuer, key_id, algorithm, str(header.get("typ", "JWT")), token)
            case _:
                raise AssertionNotTaken

    async def claims(
        self, key: Mapping[str, Any], by_sm2: BySm2, *, typ: str, audience: str, now: float
    ) -> Mapping[str, Any]:
        """Check it with the key (a JWK) of who says to have signed it; return what it says, with `jti` among that.

        Args:
            by_sm2: what is asked where the key is one of SM2; it may raise what it will.
            audience: what `aud` is, or has among others.
            now: seconds since 1970.

        Raises:
            AssertionNotTaken: it is signed with another key, of another kind, or for somebody else.
            AssertionNotTimely: it is not of now.
        """
        wanted = _ALGORITHMS[key.get("crv", key["kty"])]
        if self._algorithm != wanted or self._typ.lower() != typ.lower():  # media types: by no case (RFC 7515 §4.1.9)
            raise AssertionNotTaken
        said = await self._by_sm2(by_sm2) if wanted == SM2_ALGORITHM else self._by_jose(key, wanted)
        match said:
            case {"aud": str() | list() as named, "iat": int(issued), "exp": int(expires), "jti": str(message)}:
                if audience not in ([named] if isinstance(named, str) else named) or not _ID.fullmatch(message):
                    raise AssertionNotTaken
            case _:
                raise AssertionNotTaken
        if not issued - SKEW_SECONDS <= now < expires + SKEW_SECONDS or expires - issued > LONGEST_SECONDS:
            raise AssertionNotTimely
        return dict(said)

    def _by_jose(self, key: Mapping[str, Any], algorithm: str) -> Any:
        try:
            return orjson.loads(jws.verify(self._token, jwk.construct(dict(key), algorithm), [algorithm]))
        except (JOSEError, ValueError) as error:
            raise AssertionNotTaken from error

    async def _by_sm2(self, is_signed: BySm2) -> Any:
        text, _, signature = self._token.rpartition(".")
        if not await is_signed(text.encode(), base64url_decode(signature.encode())):
            raise AssertionNotTaken
        return orjson.loads(jws.get_unverified_claims(self._token))  # they could be read before
