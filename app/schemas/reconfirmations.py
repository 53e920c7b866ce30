"""Wire shapes of reconfirmations at 16."""

from typing import Annotated, Literal

from pydantic import Field

from app.models.links import ReconfirmationState
from app.schemas.base import DeviceMeta, Moment, Told
from app.schemas.enrolments import NoticeShown
from app.schemas.faces import FaceCheckRead
from app.services.family.reconfirming import ReconfirmationWay
from app.services.links import Service


class ReconfirmationAsk(NoticeShown):
    """The member's own consent to the face check (the notice `face-check` as it was shown), before the camera.

    `services` are what the member lets the owner do, each chosen by itself: none is a choice too.
    """

    services: Annotated[list[Literal["view", "show_code", "certify", "file", "pay"]], Field(max_length=5)]
    way: ReconfirmationWay = Field(
        default=ReconfirmationWay.FACE, description="`people`: without a face check; our staff look, or at a counter"
    )
    device_meta: DeviceMeta = Field(default_factory=dict)


class ReconfirmationRead(Told):
    """A reconfirmation and its newest face check, which goes on as any does."""

    id: str
    link_id: str
    state: ReconfirmationState
    services: list[Service] = Field(description="What the member has agreed to")
    begun_at: Moment
    face_check: FaceCheckRead | None
