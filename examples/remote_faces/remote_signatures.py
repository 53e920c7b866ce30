"""Standard Webhooks as the contract uses it, from the provider's side; written for this example, so it shares no code.

https://www.standardwebhooks.com: HMAC-SHA256 over `{id}.{timestamp}.{payload}`. In what escard asks of us the payload
is `{METHOD} {path}`, a line feed and the body; in what we call back it is the body alone.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence

TOLERANCE_SECONDS = 300


class Signatures:
    """Checks what escard has signed, and signs what goes to it; `secrets` are texts like `whsec_…`."""

    def __init__(self, secrets: Sequence[str], now: Callable[[], float] = time.time) -> None:
        self._keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets]
        if not self._keys or any(len(key) < 24 for key in self._keys):
            raise ValueError("secrets have 24 bytes or more, in base64 after whsec_")
        self._now = now
        self._heard: dict[str, float] = {}

    def is_request_of_escard(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Say whether a request is signed, of now, and heard for the first time."""
        message, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not message or "." in message or not (sent.isascii() and sent.isdigit()):
            return False
        now = self._now()
        if len(sent) > 12 or abs(now - int(sent)) > TOLERANCE_SECONDS:
            return False
        expected = self._sign(message, sent, f"{method} {path}\n".encode() + body)
        given = headers.get("webhook-signature", "").split(" ")
        if not any(hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given):
            return False
        return self._is_new(message, now)

    def sign(self, message: str, body: bytes) -> dict[str, str]:
        """Return the headers of a callback."""
        sent = str(int(self._now()))
        return {
            "webhook-id": message,
            "webhook-timestamp": sent,
            "webhook-signature": " ".join(self._sign(message, sent, body)),
        }

    def _sign(self, message: str, sent: str, payload: bytes) -> list[str]:
        text = f"{message}.{sent}.".encode() + payload
        digests = [hmac.new(key, text, hashlib.sha256).digest() for key in self._keys]
        return ["v1," + base64.b64encode(digest).decode() for digest in digests]

    def _is_new(self, message: str, now: float) -> bool:
        """Remember what was heard for as long as its time would be believed; several processes would share a table."""
        self._heard = {known: at for known, at in self._heard.items() if now - at <= 2 * TOLERANCE_SECONDS}
        if message in self._heard:
            return False
        self._heard[message] = now
        return True
