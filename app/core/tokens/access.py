"""Access tokens: JWTs (RFC 7519, RFC 9068) that only this service verifies, so HS256 is enough."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from jose import jwk, jws
from jose.exceptions import JOSEError

from app.core.clock import Clock
from app.core.errors import NextStep, Unauthenticated

ACCESS_LIFETIME = timedelta(minutes=10)
_ALGORITHM = "HS256"
_HEADERS = {"typ": "at+jwt"}  # RFC 9068 §2.1
_AUDIENCE = "escard"
_SKEW_SECONDS = 5  # between servers of one cluster


class TokenRefused(Unauthenticated):
    """The access token is missing, forged, expired or not for us."""

    code = "not-signed-in"
    challenge = 'Bearer error="invalid_token"'
    leads_to = NextStep("sign-in", "/v1/sessions")


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says.

    `acr` says how its holder was recognised, if that is worth saying. `auth_time` (seconds since 1970) is there after
    a step-up (RFC 9470); `card_password_version` ties a step-up to the card password it was made with, so that a change
    ends it.
    """

    session_id: UUID
    account_id: UUID
    acr: str | None = None
    auth_time: int | None = None
    card_password_version: int | None = None


class AccessTokens:
    """Signs and checks access tokens with one key and one algorithm."""

    def __init__(self, secret: bytes, *, issuer: str, clock: Clock) -> None:
        self._key = jwk.construct(secret, _ALGORITHM)
        self._issuer = issuer
        self._clock = clock
        # Every token of ours starts with the same header; one that differs in a single byte is not ours. That leaves
        # no room for `alg: none`, another algorithm, `crit`, `jku`, `jwk` or `x5u`.
        self._prefix = jws.sign({}, self._key, headers=_HEADERS, algorithm=_ALGORITHM).partition(".")[0] + "."

    def sign(self, claims: AccessClaims) -> str:
        """Make a token that lives ten minutes from now."""
        now = int(self._clock.now().timestamp())
        payload: dict[str, object] = {
            "iss": self._issuer,
            "aud": _AUDIENCE,
            "sub": str(claims.account_id),
            "sid": str(claims.session_id),
            "jti": base64.urlsafe_b64encode(os.urandom(12)).decode(),
            "iat": now,
            "exp": now + int(ACCESS_LIFETIME.total_seconds()),
        }
        if claims.acr is not None:
            payload["acr"] = claims.acr
        if claims.auth_time is not None:
            payload |= {"auth_time": claims.auth_time, "cpv": claims.card_password_version}
        token: str = jws.sign(payload, self._key, headers=_HEADERS, algorithm=_ALGORITHM)
        return token

    def verify(self, token: str) -> AccessClaims:
        """Check a token and return what it says.

        Raises:
            TokenRefused: the header is not ours, the signature is wrong, a claim is missing or wrong, or it is over.
        """
        if not token.startswith(self._prefix):
            raise TokenRefused
        try:
            payload = orjson.loads(jws.verify(token, self._key, [_ALGORITHM]))
        except (JOSEError, ValueError) as error:
            raise TokenRefused from error
        return self._claims(payload)

    def _claims(self, payload: object) -> AccessClaims:
        now = self._clock.now().timestamp()
        match payload:
            case {
                "iss": self._issuer,
                "aud": "escard",
                "sub": str(subject),
                "sid": str(session),
                "jti": str(),
                "iat": int(issued),
                "exp": int(expires),
                **rest,
            } if issued <= now + _SKEW_SECONDS and now < expires:
                return _access_claims(subject, session, rest)
            case _:
                raise TokenRefused


def _access_claims(subject: str, session: str, rest: Mapping[object, object]) -> AccessClaims:
    try:
        ids = UUID(session), UUID(subject)
    except ValueError as error:
        raise TokenRefused from error
    match rest.get("acr"), rest.get("auth_time"), rest.get("cpv"):
        case str(acr), int(auth_time), int(version):
            return AccessClaims(*ids, acr, auth_time, version)
        case str(acr), None, None:
            return AccessClaims(*ids, acr)
        case _:
            return AccessClaims(*ids)


def auth_seconds(moment: datetime) -> int:
    """Return a moment as `auth_time` writes it: whole seconds since 1970 (OpenID Connect Core §2)."""
    return int(moment.timestamp())
