"""Signs and checks messages as Standard Webhooks 1.0.0 has it, with HMAC-SHA256 and several secrets at once.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: what is signed is
`{id}.{timestamp}.{body}`; `webhook-signature` lists signatures with spaces between, each `v1,` and base64, so that a
secret can be changed while messages are under way: who sends signs with the old and the new one, who receives takes
either.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from app.core.clock import Clock

TOLERANCE_SECONDS: Final = 300  # what the libraries of the specification's authors allow, in both directions
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what secrets begin with, not one

_SECRET_BYTES: Final = range(24, 65)  # "at least 24 bytes (192 bits, 512 maximum)", under "signature scheme"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")  # no full stop, or id and time could be cut in another place
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class Flaw(StrEnum):
    """What is wrong with a message."""

    HEADERS = "headers"
    TIME = "time"
    SIGNATURE = "signature"


class NotGenuine(Exception):
    """A message that we do not believe; `flaw` says why, for the log."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


def read_secret(text: str) -> bytes:
    """Return the secret that a text like `whsec_…` holds in base64: 24 to 64 bytes.

    Raises:
        ValueError: it holds none; the words do not tell the text.
    """
    if not text.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret begins with {SECRET_PREFIX}")
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"a secret is base64 after {SECRET_PREFIX}") from None
    if len(secret) not in _SECRET_BYTES:
        raise ValueError("a secret has 24 to 64 bytes")
    return secret


def signed_text(message_id: str, timestamp: str, body: bytes) -> bytes:
    """Return what the signatures of a message are made over."""
    return f"{message_id}.{timestamp}.".encode() + body


class Webhooks:
    """Signs with each of its secrets, and believes what is signed with any of them and is of now."""

    def __init__(self, secrets: Sequence[bytes], clock: Clock) -> None:
        if not secrets:
            raise ValueError("without a secret nothing can be signed")
        self._secrets = tuple(secrets)
        self._clock = clock

    def sign(self, message_id: str, body: bytes) -> dict[str, str]:
        """Return the headers to send with a message.

        Args:
            message_id: 1 to 128 letters, digits, `_` and `-`; the same when a message is sent again.

        Raises:
            ValueError: the id has other characters.
        """
        if not _ID.fullmatch(message_id):
            raise ValueError("the id of a message has letters, digits, _ and - alone")
        timestamp = str(int(self._clock.now().timestamp()))
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(self._signatures(message_id, timestamp, body)),
        }

    def verify(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the id of a message that came.

        Args:
            headers: by their names in lower case.
            body: the bytes as they came.

        Raises:
            NotGenuine: it is signed by nobody we know, or more than five minutes ago, or that far in the future.
        """
        message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
            raise NotGenuine(Flaw.HEADERS)
        if abs(self._clock.now().timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
            raise NotGenuine(Flaw.TIME)
        given = [each.encode() for each in headers.get("webhook-signature", "").split(" ")]
        ours = [each.encode() for each in self._signatures(message_id, timestamp, body)]
        if not any([hmac.compare_digest(one, other) for one in ours for other in given]):
            raise NotGenuine(Flaw.SIGNATURE)
        return message_id

    def _signatures(self, message_id: str, timestamp: str, body: bytes) -> list[str]:
        text = signed_text(message_id, timestamp, body)
        digests = (hmac.digest(secret, text, "sha256") for secret in self._secrets)
        return [f"v1,{base64.b64encode(digest).decode()}" for digest in digests]
