"""Refresh tokens: opaque, and derived, so that nothing stored can be turned into one (docs/adr/0008).

The same rotation always gives the same successor.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from app.core.tokens import base64url
from app.core.tokens.access import TokenRefused


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
        return base64url.text(head + self._mac(head, seed))

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
