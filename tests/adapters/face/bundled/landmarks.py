"""Faces that nobody has: landmarks put where they are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from app.adapters.face.bundled.challenges import Challenge, Step
from app.adapters.face.bundled.measures import POINTS, Face, Point, Sight
from app.ports.face import FaceMode

_WIDE, _TALL = 100.0, 80.0


def face(*, eyes: float = 0.1, mouth: float = 0.02, yaw: float = 0.0, who: float = 0.0) -> Face:
    """A face that measures so; two of them are as far apart as their `who`."""
    points: list[Point] = [(150.0, 150.0)] * POINTS
    points[36], points[45] = (100.0, 100.0), (100.0 + _WIDE, 100.0)
    points[48], points[54] = (130.0, 100.0 + _TALL), (170.0, 100.0 + _TALL)
    points[30] = (150.0 + yaw * _WIDE, 100.0 + 0.6 * _TALL)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[upper], points[lower] = (130.0, 100.0), (130.0, 100.0 + eyes * _TALL)
    points[62], points[66] = (150.0, 176.0), (150.0, 176.0 + mouth * _TALL)
    return Face(points=tuple(points), descriptor=(who, *[0.0] * 127), is_whole=True, light=128.0)


LOOKS: Mapping[Step, Face] = {
    Step.BLINK: face(eyes=0.03),
    Step.TURN_LEFT: face(yaw=0.2),
    Step.TURN_RIGHT: face(yaw=-0.2),
    Step.OPEN_MOUTH: face(mouth=0.35),
    Step.HOLD_STILL: face(),
}


def asked(steps: Sequence[Step], *, is_mirrored: bool = False) -> Challenge:
    """The challenge to do this."""
    return Challenge(
        check_id=uuid4(),
        mode=FaceMode.LIVE,
        steps=tuple(steps),
        nonce="word",
        is_mirrored=is_mirrored,
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        seconds=90,
    )


def film(steps: Sequence[Step], who: float = 0.0) -> dict[int, Sight]:
    """Do what is asked in the middle of each step."""
    faces = [each for step in steps for each in (face(), face(), LOOKS[step], LOOKS[step], LOOKS[step], face())]
    return {
        number: Sight(1, replace(each, descriptor=(who, *each.descriptor[1:]))) for number, each in enumerate(faces, 1)
    }
