"""Presentation codes: what a QR code says for a minute, signed by us for everybody and sealed for ourselves.

A code is a compact JWS {iss, kid, iat, exp, jti, aud, c}. Anybody can verify with the published keys that we have
issued it for a purpose and that its minute is not over. Whose it is stands in `c`, which only we can open; nothing in a
code is the same in the next one of the same person.
"""

import os
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.core.clock import Clock
from app.core.errors import Conflict, Invalid
from app.core.sealing import DataKey
from app.core.suites import Suite
from app.core.tokens import base64url
from app.core.tokens.published import NotOurs, Published

LIFETIME: Final = timedelta(seconds=60)  # a code is good for a minute: huizhou
TYPE: Final = "code+jwt"
_CLAIM: Final = "code.c"
_SKEW_SECONDS: Final = 5  # between servers of one cluster


class CodeNotValid(Invalid):
    """This is no presentation code of ours."""

    code = "code-not-valid"


class CodeExpired(Conflict):
    """The code's minute is over: a photo of a screen is worth nothing."""

    code = "code-expired"


@dataclass(frozen=True, slots=True)
class Shown:
    """Whose card a code shows, on which device, in which channel; by which family link, if an owner shows it."""

    holder_id: UUID
    device_id: UUID
    channel: str
    link_id: UUID | None = None

    @property
    def raw(self) -> bytes:
        """All of it in a row: the length of the ids says whether there is a link."""
        link = b"" if self.link_id is None else self.link_id.bytes
        ids = self.holder_id.bytes + self.device_id.bytes + link
        return len(ids).to_bytes(1) + ids + self.channel.encode()

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read what `raw` has written."""
        end = 1 + raw[0]
        holder_id, device_id, *link = (UUID(bytes=raw[start : start + 16]) for start in range(1, end, 16))
        return cls(holder_id, device_id, raw[end:].decode(), *link)


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code to be drawn, and until when it is good."""

    text: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReadCode:
    """What a code says; `id` is its own, and no other code has it."""

    id: UUID
    purpose: str
    shown: Shown
    expires_at: datetime


class PresentationCodes:
    """Issues codes and reads them again; nothing is stored of them."""

    def __init__(self, published: Published, secret: bytes, suite: Suite, *, clock: Clock) -> None:
        self._published = published
        self._key = DataKey(secret, suite)
        self._clock = clock

    def issue(self, purpose: str, shown: Shown) -> NewCode:
        """Make a code that is good for a minute from now."""
        now = int(self._clock.now().timestamp())
        expires = now + int(LIFETIME.total_seconds())
        code_id = UUID(bytes=os.urandom(16))
        text = self._published.sign(
            TYPE,
            {
                "iat": now,
                "exp": expires,
                "jti": base64url.text(code_id.bytes),
                "aud": purpose,
                "c": base64url.text(self._key.seal_bytes(_CLAIM, code_id, shown.raw)),
            },
        )
        return NewCode(text, datetime.fromtimestamp(expires, UTC))

    def read(self, text: str) -> ReadCode:
        """Check a code and return what it says.

        Raises:
            CodeNotValid: it is none of ours.
            CodeExpired: its minute is over.
        """
        try:
            claims = self._published.verify(TYPE, text)
        except NotOurs as error:
            raise CodeNotValid from error
        match claims:
            case {"iat": int(issued), "exp": int(expires), "jti": str(code_id), "aud": str(purpose), "c": str(sealed)}:
                now = self._clock.now().timestamp()
                if issued > now + _SKEW_SECONDS:
                    raise CodeNotValid
                if now >= expires:
                    raise CodeExpired
                shown = self._open(read_id := UUID(bytes=_raw(code_id)), sealed)
                return ReadCode(read_id, purpose, shown, datetime.fromtimestamp(expires, UTC))
            case _:
                raise CodeNotValid

    def _open(self, code_id: UUID, sealed: str) -> Shown:
        try:
            raw = self._key.open_bytes(_CLAIM, code_id, _raw(sealed))
        except InvalidTag as error:  # signed by us, and sealed with a key that we have no more
            raise CodeNotValid from error
        return Shown.of(raw)


def _raw(text: str) -> bytes:
    """Read what we have written and signed ourselves."""
    return urlsafe_b64decode(text + "==")
