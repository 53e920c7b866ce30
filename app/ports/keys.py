"""The port to the key ring: the secrets of this installation."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from app.core.errors import Unavailable
from app.core.suites import SuiteKey


class KeysUnavailable(Unavailable):
    """The key ring does not answer or cannot open this value."""


class Purpose(StrEnum):
    """What a secret is for; one secret never serves two purposes."""

    ACCESS_TOKENS = "access-tokens"
    REFRESH_TOKENS = "refresh-tokens"
    HANDOVERS = "handovers"
    PRESENTATION_CODES = "presentation-codes"
    PASSWORD_PEPPER = "password-pepper"
    AUDIT = "audit"
    SYSTEM = "system"
    CHANNEL_TICKETS = "channel-tickets"
    READING_ADDRESSES = "reading-addresses"
    DEMO_STAFF = "demo-staff"
    ROUTING = "routing"


class KeyKind(StrEnum):
    """The keys that have versions: all that are there are read, and one is written."""

    PEPPER = "pepper"
    WRAPPING = "wrapping"
    SIGNING = "signing"


class Keys(Protocol):
    """Holds the installation's secrets and wraps data keys."""

    def secret(self, purpose: Purpose) -> bytes:
        """Return the 32-byte secret of a purpose."""
        ...

    def peppers(self) -> Mapping[int, SuiteKey]:
        """Return the look-up peppers in use, by version, each with its suite."""
        ...

    def signing(self) -> Mapping[int, bytes]:
        """Return the 32-byte seeds of the keys whose signatures others verify, by version."""
        ...

    def written(self, kind: KeyKind) -> int:
        """Return the version of a kind that is written today; a higher one is there to be read, until all can."""
        ...

    async def wrap(self, data_key: bytes) -> bytes:
        """Wrap a 32-byte data key under the wrapping key that is written; its version comes first, in two bytes.

        Raises:
            KeysUnavailable: the ring does not answer.
        """
        ...

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Open what `wrap` made, under whichever wrapping key it was.

        Raises:
            KeysUnavailable: the ring does not answer, or holds no key for it.
        """
        ...
