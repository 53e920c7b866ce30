"""Signs calls to Alibaba Cloud: ACS3-HMAC-SHA256, its request structure and signature of version 3.

https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

_ALGORITHM: Final = "ACS3-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Who calls, and the secret that proves it."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call by POST to the root: `host` as in the address, `query` canonical, `body` a form or nothing."""

    host: str
    action: str
    version: str
    query: str = field(repr=False)
    body: bytes = field(repr=False)


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Return parameters as they stand in the address and in the signature: sorted, encoded by RFC 3986."""
    return "&".join(f"{quote(name, safe='')}={quote(parameters[name], safe='')}" for name in sorted(parameters))


def signed_headers(key: AccessKey, call: Call, now: datetime) -> dict[str, str]:
    """Return the headers to send a call with at a moment (the vendor takes it for 15 minutes), signed."""
    headers = {
        "host": call.host,
        "x-acs-action": call.action,
        "x-acs-version": call.version,
        "x-acs-date": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": hashlib.sha256(call.body).hexdigest(),
    }
    if call.body:
        headers["content-type"] = "application/x-www-form-urlencoded"
    return {**headers, "authorization": authorization(key, canonical_request(call.query, headers), headers)}


def canonical_request(query: str, headers: Mapping[str, str]) -> str:
    """Return what is signed of a POST to the root; the names of the headers are in lower case, and all are signed."""
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    return "\n".join(["POST", "/", query, lines, ";".join(sorted(headers)), headers["x-acs-content-sha256"]])


def authorization(key: AccessKey, request: str, headers: Mapping[str, str]) -> str:
    """Return the header that proves who sends a canonical request."""
    text = f"{_ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{_ALGORITHM} Credential={key.id},SignedHeaders={';'.join(sorted(headers))},Signature={signature}"
