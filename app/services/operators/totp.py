"""Codes of an authenticator app (RFC 6238): six figures, another each half minute.

SHA-1, six figures and thirty seconds are what every app can do; some ignore what else an address says.
"""

import os
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

_FIGURES: Final = 6
_STEP_SECONDS: Final = 30
_SECRET_BYTES: Final = 20  # as long as the hash (RFC 4226 §4, R6)
_DRIFT_STEPS: Final = 1  # RFC 6238 §5.2: at most one step for a slow hand


def new_secret() -> bytes:
    """Return a new secret, 20 bytes."""
    return os.urandom(_SECRET_BYTES)


def address(secret: bytes, login: str, issuer: str) -> str:
    """Return the address (`otpauth://totp/…`) that an authenticator app takes."""
    return _totp(secret).get_provisioning_uri(login, issuer)


def code(secret: bytes, now: datetime) -> str:
    """Return the code that is good now."""
    return _totp(secret).generate(now.timestamp()).decode()


def unused_code(secret: bytes, used_step: int, now: datetime) -> str | None:
    """Return a code that `step_of` takes now and that is of a later step than the one used; None when there is none."""
    step = max(int(now.timestamp()) // _STEP_SECONDS, used_step + 1)
    is_early = step * _STEP_SECONDS > now.timestamp() + _DRIFT_STEPS * _STEP_SECONDS
    return None if is_early else _totp(secret).generate(step * _STEP_SECONDS).decode()


def step_of(secret: bytes, given: str, now: datetime) -> int | None:
    """Return the time step that a code belongs to: this one, the one before or the next; None when it is wrong.

    Each is compared, in the same time whichever it is.
    """
    present = int(now.timestamp()) // _STEP_SECONDS
    asked = given.encode()
    found = None
    for step in range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1):
        if constant_time.bytes_eq(_totp(secret).generate(step * _STEP_SECONDS), asked):
            found = step
    return found


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, _FIGURES, SHA1(), _STEP_SECONDS)  # noqa: S303 - the hash of RFC 6238, not of a signature
