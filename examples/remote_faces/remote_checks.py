"""Checks of the example provider: what begins one, and what is said of it, as docs/face-remote.openapi.yaml has it."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

DECISIONS = {
    "ok": "passed",
    "not_finished": "pending",
    "provider_busy": "pending",
    "user_cancelled": "cancelled",
    "timed_out": "expired",
    "token_expired": "expired",
    "network": "error",
    "provider_daily_limit": "error",
    "provider_misconfigured": "error",
    "provider_arrears": "error",
    "identity_mismatch": "failed",
    "person_not_found": "failed",
    "source_photo_missing": "failed",
    "face_mismatch": "failed",
    "liveness_failed": "failed",
    "attack_suspected": "failed",
    "capture_quality": "failed",
    "face_not_whole": "failed",
    "device_unsupported": "failed",
    "app_outdated": "failed",
    "permission_denied": "failed",
    "provider_retry_limit": "failed",
    "policy_block": "failed",
    "document_expired": "failed",
}
"""Every reason of the contract, and what it decides."""

FIELDS = {"check_id", "mode", "name", "number", "reference", "photo", "callback_url", "device_meta"}


@dataclass
class Check:
    """A check: escard's name for it, ours, the secret address of its page, and how it stands."""

    check_id: str
    mode: str
    callback_url: str
    begun_at: datetime
    reason: str = "not_finished"
    occurred_at: datetime | None = None
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    page: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def is_open(self) -> bool:
        return DECISIONS[self.reason] == "pending"

    def standing(self) -> dict[str, Any]:
        """Say how it stands, as the contract has it."""
        not_alive = self.reason in ("liveness_failed", "attack_suspected")
        compared = self.reason in ("ok", "face_mismatch")
        alive = self.mode == "live" and (compared or self.reason in ("identity_mismatch", "person_not_found"))
        passed = self.reason == "ok"
        return {
            "check_id": self.check_id,
            "mode": self.mode,
            "decision": DECISIONS[self.reason],
            "reason": self.reason,
            "liveness": {
                "done": alive or not_alive,
                "passed": alive,
                "kind": "played" if alive or not_alive else None,
                "score_band": "high" if alive else "low" if not_alive else None,
            },
            "match": {
                "done": compared,
                "passed": passed,
                "source": "register" if compared else "none",
                "score_band": ("high" if passed else "low") if compared else None,
            },
            "code": None if self.is_open else f"played:{self.reason}",
            "charged": alive or not_alive or compared,
            "occurred_at": (self.occurred_at or self.begun_at).isoformat(),
        }


def read(body: bytes) -> dict[str, Any] | None:
    """Read what begins a check; None when it is not what the contract has."""
    try:
        asked = json.loads(body)
        is_whole = (
            asked.keys() == FIELDS
            and str(UUID(asked["check_id"])) == asked["check_id"]
            and asked["mode"] in ("live", "photo")
            and all(isinstance(asked[field], str) and asked[field] for field in ("name", "number"))
            and all(_is_picture(asked[field]) for field in ("reference", "photo"))
            and (asked["photo"] is not None or asked["mode"] == "live")
            and asked["callback_url"].startswith(("https://", "http://"))
            and all(isinstance(value, str) for value in asked["device_meta"].values())
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    return dict(asked) if is_whole else None


def _is_picture(text: str | None) -> bool:
    return text is None or base64.b64decode(text, validate=True).startswith(b"\xff\xd8")
