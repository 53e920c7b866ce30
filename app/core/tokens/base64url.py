"""base64url as tokens write it: without padding (RFC 4648 §5), one way for each value."""

import base64
import re


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw(written: str, length: int) -> bytes | None:
    """Read base64url of so many characters without padding; there is one way to write each value."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", written) or len(written) != length:
        return None
    read = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))
    return read if text(read) == written else None
