"""The envelope of docs/national-gateway.md from the gateway's side; written for this example, so it shares no code.

Only to seal contents, and for SM3 and SM4, it takes more than the standard library: `cryptography`.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as hmacs
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

JSON = dict[str, Any]
VERSION = "escard-national-1"
TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Asked:
    """A request that was signed for us, and is of now."""

    request_no: str
    method: str
    content: JSON


class Envelopes:
    """Opens requests of one app, and seals answers to it; `secrets` are texts like `whsec_…`, `keys` are in base64."""

    def __init__(
        self,
        app_id: str,
        secrets: Sequence[str],
        keys: Sequence[str] = (),
        now: Callable[[], float] = time.time,
        *,
        suite: str = "international",
    ) -> None:
        self._app_id = app_id
        self._is_sm = suite == "sm"
        self._secrets = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets]
        self._keys = [(Sm4 if self._is_sm else AESGCM)(base64.b64decode(key, validate=True)) for key in keys]
        self._now = now
        if not self._secrets or any(len(secret) < 24 for secret in self._secrets):
            raise ValueError("secrets have 24 bytes or more, in base64 after whsec_")

    @property
    def encryption(self) -> str:
        sealing = "SM4-GCM" if self._is_sm else "AES-256-GCM"
        return sealing if self._keys else "none"

    @property
    def signature_type(self) -> str:
        return "HMAC-SM3" if self._is_sm else "HMAC-SHA256"

    def open(self, body: bytes) -> Asked | None:
        """Return what is asked; None where it is not signed, not of now, not for us, or not sealed."""
        try:
            said = json.loads(body)
            lines = [said[each] for each in ("app_id", "request_no", "time", "method", "encryption", "content")]
            text, given = _text("request", *lines), said["signature"].split(" ")
            sent = datetime.fromisoformat(said["time"]).timestamp()
            is_ours = (said["app_id"], said["encryption"]) == (self._app_id, self.encryption)
            is_signed = said["signature_type"] == self.signature_type and any(
                hmac.compare_digest(one.encode(), other.encode()) for one in self._signatures(text) for other in given
            )
            if not is_ours or not is_signed or abs(self._now() - sent) > TOLERANCE_SECONDS:
                return None
            content = self._opened(said["request_no"], base64.b64decode(said["content"], validate=True))
            return Asked(said["request_no"], said["method"], json.loads(content))
        except (ValueError, TypeError, KeyError, AttributeError, InvalidTag):
            return None

    def seal(self, asked: Asked, code: str, content: JSON | None) -> JSON:
        """Return the envelope of an answer."""
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        plain = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        sealed = base64.b64encode(self._sealed(asked.request_no, plain) if plain else b"").decode()
        said = {
            "app_id": self._app_id,
            "request_no": asked.request_no,
            "time": moment,
            "method": asked.method,
            "code": code,
            "encryption": self.encryption,
            "content": sealed,
        }
        return said | {"signature_type": self.signature_type, "signature": " ".join(self._signatures(signed(said)))}

    def _signatures(self, text: bytes) -> list[str]:
        digests = [
            _hmac_sm3(secret, text) if self._is_sm else hmac.new(secret, text, hashlib.sha256).digest()
            for secret in self._secrets
        ]
        return [base64.b64encode(digest).decode() for digest in digests]

    def _sealed(self, request_no: str, plain: bytes) -> bytes:
        if not self._keys:
            return plain
        nonce = os.urandom(12)
        return nonce + self._keys[0].encrypt(nonce, plain, request_no.encode())

    def _opened(self, request_no: str, sealed: bytes) -> bytes:
        if not self._keys:
            return sealed
        for key in self._keys[:-1]:
            try:
                return key.decrypt(sealed[:12], sealed[12:], request_no.encode())
            except InvalidTag:
                continue
        return self._keys[-1].decrypt(sealed[:12], sealed[12:], request_no.encode())


class Sm4:
    """SM4-GCM, called as AESGCM is."""

    def __init__(self, key: bytes) -> None:
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        sealing = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(associated)
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        opening = Cipher(self._cipher, modes.GCM(nonce, data[-16:])).decryptor()
        opening.authenticate_additional_data(associated)
        return opening.update(data[:-16]) + opening.finalize()


def _hmac_sm3(secret: bytes, text: bytes) -> bytes:
    code = hmacs.HMAC(secret, hashes.SM3())
    code.update(text)
    return code.finalize()


def signed(said: JSON) -> bytes:
    """Return the text of an answer that is signed."""
    lines = ("app_id", "request_no", "time", "method", "code", "encryption", "content")
    return _text("answer", *(said[each] for each in lines))


def _text(*lines: str) -> bytes:
    if any("\n" in line for line in lines):
        raise ValueError("a line has no end within")
    return "\n".join((VERSION, *lines)).encode()
