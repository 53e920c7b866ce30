"""Signs requests to Tencent Cloud's API 3.0: TC3-HMAC-SHA256 over the three headers of the vendor's worked example.

https://cloud.tencent.com/document/api/213/30654
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

CONTENT_TYPE: Final = "application/json; charset=utf-8"

_ALGORITHM: Final = "TC3-HMAC-SHA256"
_SIGNED_HEADERS: Final = "content-type;host;x-tc-action"


@dataclass(frozen=True, slots=True)
class Keys:
    """An API key of the vendor's console: its id is sent, the key itself never."""

    secret_id: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A POST to a service, as it goes out: the host as in its header, the payload byte for byte."""

    service: str
    host: str
    action: str
    timestamp: int
    payload: bytes = field(repr=False)


def authorization(keys: Keys, call: Call) -> str:
    """Return the header `Authorization` of a call; its day is the timestamp's, in UTC."""
    scope = (datetime.fromtimestamp(call.timestamp, UTC).date().isoformat(), call.service, "tc3_request")
    to_sign = "\n".join((_ALGORITHM, str(call.timestamp), "/".join(scope), _sha256(canonical_request(call).encode())))
    key = f"TC3{keys.secret_key}".encode()
    for part in (*scope, to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = "/".join((keys.secret_id, *scope))
    return f"{_ALGORITHM} Credential={credential}, SignedHeaders={_SIGNED_HEADERS}, Signature={key.hex()}"


def canonical_request(call: Call) -> str:
    """Return a call as it is signed; the action is in lower case here, and only here."""
    headers = f"content-type:{CONTENT_TYPE}\nhost:{call.host}\nx-tc-action:{call.action.lower()}\n"
    return "\n".join(("POST", "/", "", headers, _SIGNED_HEADERS, _sha256(call.payload)))


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
