"""Access, refresh and handover tokens, and signed addresses: made and checked here alone.

Access tokens are JWTs (RFC 7519, RFC 9068) that only this service verifies, so HS256 is enough. Refresh tokens are
opaque; they are derived, so that nothing stored can be turned into one and the same rotation always gives the same
successor (docs/adr/0008). So are the secrets of a handover.
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from jose import jwk, jws
from jose.exceptions import JOSEError

from app.core.clock import Clock
from app.core.errors import Denied, NextStep, NotFound, Unauthenticated

ACCESS_LIFETIME = timedelta(minutes=10)
READING_LIFETIME = timedelta(seconds=60)
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


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A presented refresh token that we made: for which session, and its place in the row of rotations."""

    session_id: UUID
    generation: int
    mac: bytes


class RefreshTokens:
    """Derives refresh tokens from a session's seed, its generation and a key that is in no database."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, session_id: UUID, generation: int, seed: bytes) -> str:
        """Return the token of one generation; the same arguments always give the same token."""
        head = session_id.bytes + generation.to_bytes(4)
        return _text(head + self._mac(head, seed))

    def read(self, token: str) -> RefreshToken:
        """Take a token apart; whether it is ours shows only with the seed (`is_ours`).

        Raises:
            TokenRefused: not of the form of a refresh token.
        """
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError as error:
            raise TokenRefused from error
        if len(raw) != 52:  # 16 id + 4 generation + 32 mac
            raise TokenRefused
        return RefreshToken(UUID(bytes=raw[:16]), int.from_bytes(raw[16:20]), raw[20:])

    def is_ours(self, token: RefreshToken, seed: bytes) -> bool:
        """Say whether we made this token for the session that has this seed."""
        head = token.session_id.bytes + token.generation.to_bytes(4)
        return hmac.compare_digest(token.mac, self._mac(head, seed))

    def _mac(self, head: bytes, seed: bytes) -> bytes:
        return hmac.digest(self._secret, head + seed, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class SignedAddress:
    """A path, until when it may be read (seconds since 1970), and what shows that we said so."""

    path: str
    until: int
    signature: str


class ReadingAddressOver(Denied):
    """The address was good for a minute, and that is over."""

    code = "reading-address-over"


class ReadingAddresses:
    """Signs addresses under which one session may read one thing, for a minute; nothing is stored of them."""

    def __init__(self, secret: bytes, *, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, session_id: UUID, path: str) -> SignedAddress:
        """Sign a path for a session."""
        until = int((self._clock.now() + READING_LIFETIME).timestamp())
        return SignedAddress(path, until, self._signature(session_id, path, until))

    def check(self, session_id: UUID, address: SignedAddress) -> None:
        """Check that an address was signed by us, for this session, and is not over.

        Raises:
            NotFound: it was not.
            ReadingAddressOver: its minute has passed.
        """
        wanted = self._signature(session_id, address.path, address.until)
        if not hmac.compare_digest(wanted.encode(), address.signature.encode()):
            raise NotFound
        if self._clock.now().timestamp() >= address.until:
            raise ReadingAddressOver

    def _signature(self, session_id: UUID, path: str, until: int) -> str:
        signed = f"{session_id}\n{path}\n{until}".encode()
        return _text(hmac.digest(self._secret, signed, hashlib.sha256))


@dataclass(frozen=True, slots=True)
class Presented:
    """A link's code or a handover's token as somebody brings it: of which handover, and the secret to be compared."""

    handover_id: UUID
    secret: bytes = field(repr=False)


class HandoverTokens:
    """Derives a handover's link, spoken code and token from its seed and a key that is in no database."""

    PREFIX = "handover."

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def link(self, handover_id: UUID, seed: bytes) -> str:
        """Return the code of the link: the id and 128 secret bits, 43 characters of base64url."""
        return _text(handover_id.bytes + self._mac(b"link", handover_id, seed)[:16])

    def spoken_code(self, handover_id: UUID, seed: bytes) -> str:
        """Return the six digits that are told beside the link."""
        return f"{int.from_bytes(self._mac(b'spoken', handover_id, seed)) % 10**6:06}"

    def token(self, handover_id: UUID, seed: bytes) -> str:
        """Return the token that the opened link is exchanged for."""
        return f"{self.PREFIX}{handover_id}.{_text(self._mac(b'token', handover_id, seed))}"

    def read_link(self, code: str) -> Presented | None:
        """Take a link's code apart, if it has the form of one; whether it is ours shows only with the seed."""
        raw = _raw(code, 43)
        return None if raw is None else Presented(UUID(bytes=raw[:16]), raw[16:])

    def read_token(self, token: str) -> Presented | None:
        """Take a token apart, if it has the form of one; whether it is ours shows only with the seed."""
        match = _HANDOVER_TOKEN.fullmatch(token)
        raw = None if match is None else _raw(match[2], 43)
        return None if match is None or raw is None else Presented(UUID(match[1]), raw)

    def is_link(self, presented: Presented, seed: bytes) -> bool:
        """Say whether a link's code is the one of this seed."""
        return hmac.compare_digest(presented.secret, self._mac(b"link", presented.handover_id, seed)[:16])

    def is_token(self, presented: Presented, seed: bytes) -> bool:
        """Say whether a token is the one of this seed."""
        return hmac.compare_digest(presented.secret, self._mac(b"token", presented.handover_id, seed))

    def is_spoken_code(self, code: str, handover_id: UUID, seed: bytes) -> bool:
        """Say whether the digits are the ones of this seed."""
        return hmac.compare_digest(code.encode(), self.spoken_code(handover_id, seed).encode())

    def _mac(self, use: bytes, handover_id: UUID, seed: bytes) -> bytes:
        return hmac.digest(self._secret, use + handover_id.bytes + seed, hashlib.sha256)


_HANDOVER_TOKEN = re.compile(r"handover\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _raw(text: str, length: int) -> bytes | None:
    """Read base64url of so many characters without padding; there is one way to write each value."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) != length:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if _text(raw) == text else None


def auth_seconds(moment: datetime) -> int:
    """Return a moment as `auth_time` writes it: whole seconds since 1970 (OpenID Connect Core §2)."""
    return int(moment.timestamp())
