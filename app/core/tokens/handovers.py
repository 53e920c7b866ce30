"""What a handover is opened and held with; derived, so that nothing stored can be turned into it (docs/adr/0018)."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from uuid import UUID

from app.core.tokens import base64url


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
        return base64url.text(handover_id.bytes + self._mac(b"link", handover_id, seed)[:16])

    def spoken_code(self, handover_id: UUID, seed: bytes) -> str:
        """Return the six digits that are told beside the link."""
        return f"{int.from_bytes(self._mac(b'spoken', handover_id, seed)) % 10**6:06}"

    def token(self, handover_id: UUID, seed: bytes) -> str:
        """Return the token that the opened link is exchanged for."""
        return f"{self.PREFIX}{handover_id}.{base64url.text(self._mac(b'token', handover_id, seed))}"

    def read_link(self, code: str) -> Presented | None:
        """Take a link's code apart, if it has the form of one; whether it is ours shows only with the seed."""
        raw = base64url.raw(code, 43)
        return None if raw is None else Presented(UUID(bytes=raw[:16]), raw[16:])

    def read_token(self, token: str) -> Presented | None:
        """Take a token apart, if it has the form of one; whether it is ours shows only with the seed."""
        match = _HANDOVER_TOKEN.fullmatch(token)
        raw = None if match is None else base64url.raw(match[2], 43)
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
