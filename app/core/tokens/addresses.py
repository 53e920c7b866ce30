"""Signed addresses: one session may read one thing, for a minute."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.core.clock import Clock
from app.core.errors import Denied, NotFound
from app.core.tokens import base64url

READING_LIFETIME = timedelta(seconds=60)


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
        return base64url.text(hmac.digest(self._secret, signed, hashlib.sha256))
