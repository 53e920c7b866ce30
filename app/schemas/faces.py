"""Wire shapes of face checks."""

from typing import Any, Self

from pydantic import Field

from app.models.faces import FaceCheck, FaceCheckState
from app.ports.face import FaceMode, FaceReason
from app.schemas.base import Moment, Told


class FaceCheckRead(Told):
    """A face check; `client` is what the provider's part in the app needs while it is open."""

    id: str
    state: FaceCheckState
    mode: FaceMode
    provider: str
    client: dict[str, Any]
    reason: FaceReason | None
    reason_text: str | None = Field(description="The reason in words, in the language asked for")
    tries_left: int
    expires_at: Moment

    @classmethod
    def of(cls, check: FaceCheck, client: dict[str, str], tries_left: int, reason_text: str | None) -> Self:
        return cls(
            id=str(check.id),
            state=FaceCheckState.STARTED if check.state is FaceCheckState.STARTING else check.state,
            mode=check.mode,
            provider=check.provider,
            client=client,
            reason=check.reason,
            reason_text=reason_text,
            tries_left=tries_left,
            expires_at=check.expires_at,
        )


class FramesRead(Told):
    """How many frames of a face check are here, and how many it takes."""

    received: int
    wanted: int
