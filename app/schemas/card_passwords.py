"""Wire shapes of card passwords: checks, changes, resets."""

from pydantic import Field

from app.schemas.base import Asked, Code, DeviceMeta, Moment, Told
from app.schemas.faces import FaceCheckRead


class StepUpRead(Told):
    """A token that carries the card-password check (RFC 9470)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int
    acr: str
    auth_time: int


class PasswordCheckAsk(Asked):
    """The card password."""

    password: Code


class PasswordChangeAsk(Asked):
    """The card password that holds, and the new one."""

    current: Code
    new: Code


class PasswordResetAsk(Asked):
    """A forgotten card password: the code sent to the account's phone."""

    sms_code: Code
    device_meta: DeviceMeta = Field(default_factory=dict)


class NewPasswordAsk(Asked):
    """The new card password."""

    new: Code


class ResetRead(Told):
    """A reset of the card password."""

    id: str
    state: str
    expires_at: Moment
    face_check: FaceCheckRead | None = None
