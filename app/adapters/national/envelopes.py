"""The one envelope of all calls to the national gateway and of their answers (docs/national-gateway.md).

What is signed are the lines of the envelope as they travel, the content in base64: nothing is parsed and written again.
"""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import uuid4

import orjson
from pydantic import Field, StringConstraints, ValidationError

from app.adapters.gateways import Said
from app.adapters.national.signing import EnvelopeCipher, EnvelopeSigner, NotOpened
from app.core.clock import Clock

VERSION: Final = "escard-national-1"
TOLERANCE: Final = timedelta(minutes=5)  # as for all that is signed (docs/adr/0017)

_Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
_Moment = Annotated[str, StringConstraints(pattern=r"^[0-9T:.+Z-]{20,35}$")]
_Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class NotBelieved(Exception):
    """An answer that the gateway has not given to this request, or not now; `flaw` says why, for the log."""

    def __init__(self, flaw: str) -> None:
        super().__init__(flaw)
        self.flaw = flaw


class SaidAnswer(Said):
    """The envelope of an answer; what else stands in it, like a message for people, is not read."""

    app_id: _Word
    request_no: _Word
    time: _Moment
    method: _Word
    code: _Code
    encryption: _Word
    content: _Base64 = Field(repr=False)
    signature_type: _Word
    signature: str = Field(max_length=4096, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its own number, by which its answer is known, and the method."""

    request_no: str
    method: str

    @classmethod
    def anew(cls, method: str) -> "Asked":
        """Return a request of a number that was never used."""
        return cls(uuid4().hex, method)


@dataclass(frozen=True, slots=True)
class Answered:
    """A genuine answer: its code, and the content, empty where there is none."""

    code: str
    content: bytes = field(repr=False)


class Envelopes:
    """Puts requests of one app into envelopes, and takes answers out of theirs."""

    def __init__(self, app_id: str, signer: EnvelopeSigner, cipher: EnvelopeCipher, clock: Clock) -> None:
        self._app_id = app_id
        self._signer = signer
        self._cipher = cipher
        self._clock = clock

    async def seal(self, asked: Asked, content: bytes) -> bytes:
        """Return the body to send."""
        time = self._clock.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        sealed = base64.b64encode(self._cipher.seal(asked.request_no, content)).decode()
        lines = ("request", self._app_id, asked.request_no, time, asked.method, self._cipher.name, sealed)
        return orjson.dumps(
            {
                "app_id": self._app_id,
                "request_no": asked.request_no,
                "time": time,
                "method": asked.method,
                "encryption": self._cipher.name,
                "content": sealed,
                "signature_type": self._signer.name,
                "signature": await self._signer.sign(signed_text(*lines)),
            }
        )

    async def open(self, asked: Asked, body: bytes) -> Answered:
        """Return the answer to a request.

        Raises:
            NotBelieved: it is no envelope, signed by nobody we know, for another request, not of now, or not sealed.
        """
        try:
            said = SaidAnswer.model_validate_json(body)
        except ValidationError:
            raise NotBelieved("envelope") from None
        lines = (said.app_id, said.request_no, said.time, said.method, said.code, said.encryption, said.content)
        if said.signature_type != self._signer.name:
            raise NotBelieved("signature_type")
        if not await self._signer.is_genuine(signed_text("answer", *lines), said.signature):
            raise NotBelieved("signature")
        if (said.app_id, said.request_no, said.method) != (self._app_id, asked.request_no, asked.method):
            raise NotBelieved("request")
        if abs(self._clock.now() - _moment(said.time)) > TOLERANCE:
            raise NotBelieved("time")
        return Answered(said.code, self._opened(asked, said))

    def _opened(self, asked: Asked, said: SaidAnswer) -> bytes:
        if said.encryption != self._cipher.name:
            raise NotBelieved("encryption")
        if not said.content:
            return b""
        try:
            return self._cipher.open(asked.request_no, base64.b64decode(said.content, validate=True))
        except (binascii.Error, ValueError, NotOpened):
            raise NotBelieved("content") from None


def signed_text(*lines: str) -> bytes:
    """Return what is signed: the version of the contract and the lines, a line's end between; no line has one."""
    return "\n".join((VERSION, *lines)).encode()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotBelieved("time") from None
    if moment.tzinfo is None:
        raise NotBelieved("time")
    return moment
