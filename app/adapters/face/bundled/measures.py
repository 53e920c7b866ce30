"""What landmarks say: how far eyes and mouth are open, where a head is turned, how alike two faces are.

Landmarks are numbered as in iBUG 300-W, which the predictor was trained with: 17 of the jaw, then brows, nose, eyes
(from 36 and from 42, six each), lips (outer from 48, inner from 60). https://ibug.doc.ic.ac.uk/resources/300-W/
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

Point = tuple[float, float]

POINTS: Final = 68
_LIDS: Final = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper and lower, two of each eye
_OUTER_CORNERS: Final = (36, 45)
_NOSE_TIP: Final = 30
_MOUTH_CORNERS: Final = (48, 54)
_INNER_LIPS: Final = (62, 66)


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture: its landmarks, and 128 numbers that are close for pictures of one person.

    `is_whole`: it lies in the picture with all its landmarks. `light` is the mean tone of it, 0 to 255.

    Eyes, mouth and turn are measured in the face's own coordinates: across from one outer corner of the eyes to the
    other, down from there to the middle of the mouth. These stay the same for a flat picture, however it is held,
    turned or squeezed (an affine map): only a face that moves, or stands out of the plane, changes them.
    """

    points: tuple[Point, ...] = field(repr=False)
    descriptor: tuple[float, ...] = field(repr=False)
    is_whole: bool
    light: float

    @property
    def eyes(self) -> float:
        """How far the eyes are open: the mean gap between the lids."""
        return sum(self._gap(*lids) for lids in _LIDS) / len(_LIDS)

    @property
    def mouth(self) -> float:
        """How far the mouth is open: the gap between the inner lips."""
        return self._gap(*_INNER_LIPS)

    @property
    def yaw(self) -> float:
        """How far the tip of the nose stands beside the line from between the eyes to the mouth.

        About 0 when somebody looks ahead, more in a turn to their left, less in one to their right.
        """
        across, down = self._place(self.points[_NOSE_TIP])
        return across + down / 2 - 0.5

    def distance(self, other: "Face") -> float:
        """Return how far apart two faces are: 0 the same picture; from 0.6 on another person, says the model's maker.

        http://dlib.net/face_recognition.py.html
        """
        return math.dist(self.descriptor, other.descriptor)

    def _gap(self, upper: int, lower: int) -> float:
        return self._place(self.points[lower])[1] - self._place(self.points[upper])[1]

    def _place(self, point: Point) -> Point:
        """Return how far across and down a point lies: the eyes' corners are (0, 0) and (1, 0), the mouth is (0, 1)."""
        (origin_x, origin_y), (right_x, right_y) = (self.points[corner] for corner in _OUTER_CORNERS)
        corners = [self.points[corner] for corner in _MOUTH_CORNERS]
        across_x, across_y = right_x - origin_x, right_y - origin_y
        down_x, down_y = sum(x for x, _ in corners) / 2 - origin_x, sum(y for _, y in corners) / 2 - origin_y
        x, y = point[0] - origin_x, point[1] - origin_y
        area = (
            across_x * down_y - across_y * down_x or math.inf
        )  # eyes and mouth on one line are no face: all is 0 there
        return (x * down_y - y * down_x) / area, (across_x * y - across_y * x) / area


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen in a picture: how many faces of about the same size, and the largest of them."""

    faces: int
    face: Face | None


def median(values: Sequence[float]) -> float:
    """Return the middle one of some values."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which such a share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
