"""Wire shapes of adding payment to a card."""

from typing import Literal

from pydantic import Field

from app.models.cards import UpgradeState
from app.schemas.base import Asked, DeviceMeta, Told
from app.schemas.enrolments import NoticeShown
from app.schemas.faces import FaceCheckRead
from app.services.cards.upgrading import Wish


class LevelUpgradeAsk(Asked):
    """What the holder agrees to: the payment notice, and the face check where none has passed within a day."""

    consent: NoticeShown
    face_consent: NoticeShown | None = None
    way: Literal["face", "counter"] = Field("face", description="`counter`: people look instead of a face check")
    device_meta: DeviceMeta = Field(default_factory=dict)

    def wish(self) -> Wish:
        face = None if self.face_consent is None else self.face_consent.shown()
        return Wish(self.consent.shown(), face, self.way == "counter", self.device_meta)


class LevelUpgradeRead(Told):
    """Where adding payment stands; it is done when the state says so."""

    id: str
    state: UpgradeState
    rejection: str | None = Field(description="Why it was declined: a code of ours, or a finding of people's")
    face_check: FaceCheckRead | None = Field(description="The live face check to do, or the last one that was done")
