"""What a person is asked to do before the camera: drawn anew for each check, and carried by its reference."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise, product
from typing import Annotated, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from app.ports.face import FaceMode, FaceServiceUnavailable

FRAMES_A_STEP: Final = 6
_STEPS_A_CHECK: Final = 4


class Step(StrEnum):
    """One thing to do, shown or spoken by the client. Left and right are the person's own."""

    BLINK = "blink"
    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    OPEN_MOUTH = "open_mouth"
    HOLD_STILL = "hold_still"


Steps = tuple[Step, ...]

TURNS: Final = frozenset({Step.TURN_LEFT, Step.TURN_RIGHT})
WITH_THE_HEAD: Final = frozenset({Step.BLINK, *TURNS})
_WITH_THE_MOUTH: Final = frozenset({Step.OPEN_MOUTH, Step.HOLD_STILL})
WAYS: Final[Mapping[str, tuple[Steps, ...]]] = {
    # A blink and a turn to each side, one of them twice, never twice in a row: 18 ways.
    "head": tuple(
        steps
        for steps in product(sorted(WITH_THE_HEAD), repeat=_STEPS_A_CHECK)
        if set(steps) == WITH_THE_HEAD and all(before is not after for before, after in pairwise(steps))
    ),
    # For those who cannot turn the head or blink at will, or to whom the steps are read aloud: 14 ways.
    "mouth": tuple(
        steps for steps in product(sorted(_WITH_THE_MOUTH), repeat=_STEPS_A_CHECK) if set(steps) == _WITH_THE_MOUTH
    ),
}
"""The sequences that are drawn from, by what they take."""


class Challenge(BaseModel):
    """What one check asks for; without steps there is nothing to film.

    `is_mirrored`: the client's frames show left as right, as some phones give them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check_id: UUID
    mode: FaceMode
    steps: Annotated[Steps, Field(max_length=_STEPS_A_CHECK)]
    nonce: str
    is_mirrored: bool
    started_at: AwareDatetime
    seconds: int

    @property
    def frames(self) -> int:
        """How many frames there are to send."""
        return len(self.steps) * FRAMES_A_STEP

    @property
    def ends_at(self) -> AwareDatetime:
        """When the last frame must have come."""
        return self.started_at + timedelta(seconds=self.seconds)

    def numbers_of(self, step: int) -> range:
        """Return the numbers (from 1) of the frames of a step (from 0)."""
        return range(step * FRAMES_A_STEP + 1, (step + 1) * FRAMES_A_STEP + 1)

    def reference(self) -> str:
        """Write it as a provider's reference; that is kept in our own database, and clients never see it."""
        return self.model_dump_json()

    @classmethod
    def of(cls, reference: str) -> "Challenge":
        """Read a reference.

        Raises:
            FaceServiceUnavailable: we have not written it.
        """
        try:
            return cls.model_validate_json(reference)
        except ValidationError as error:
            raise FaceServiceUnavailable from error


def draw(way: str) -> Steps:
    """Draw the steps of a check, each sequence as likely as any other."""
    return secrets.choice(WAYS[way])
