"""Makes one photo act: its eyes close, its head turns, its mouth opens, by moving what lies around the landmarks.

These are drawn faces, not filmed ones: a stand-in for people before a camera, of whom no library has pictures.
"""

import io
import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from app.adapters.face.bundled.challenges import Challenge, Step
from app.adapters.face.bundled.measures import Point

Points = Sequence[Point]
Map = Callable[[float, float], Point]

_SIDE = 480
_TURN_DEGREES = 22.0


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    """The picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def framed(picture: Image.Image, points: Points) -> Image.Image:
    """Cut a picture to what a phone's camera would show of the face in it."""
    wide = points[16][0] - points[0][0]
    x, y = points[30]
    around = (round(x - 1.3 * wide), round(y - 1.3 * wide), round(x + 1.3 * wide), round(y + 1.3 * wide))
    return picture.convert("RGB").crop(around).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


class Actor:
    """Somebody of whom there is one photo, with its landmarks."""

    def __init__(self, photo: Image.Image, points: Points) -> None:
        self.photo = photo
        self.points = points
        self._looks: dict[Step, Image.Image] = {}
        self._shown: dict[tuple[Step, int, int], bytes] = {}

    def film(self, challenge: Challenge, seed: int = 1) -> list[bytes]:
        """Do what is asked, a third of each step late and a sixth early, with a hand that is not quite steady."""
        looks = (look for step in challenge.steps for look in (*[Step.HOLD_STILL] * 2, *[step] * 3, Step.HOLD_STILL))
        return [self._frame(look, number, seed) for number, look in enumerate(looks, start=1)]

    def still(self, frames: int, seed: int = 1) -> list[bytes]:
        """Be a photo that somebody holds before the camera."""
        return [self._frame(Step.HOLD_STILL, number, seed) for number in range(1, frames + 1)]

    def held(self, frames: int, seed: int = 1) -> list[bytes]:
        """Be a photo that somebody turns and tilts before the camera, up to 40 degrees."""
        chance = random.Random(seed)  # noqa: S311 - for pictures, not for secrets
        return [
            jpeg(tilted(self.photo, *(chance.uniform(-most, most) for most in (35.0, 40.0, 20.0))))
            for _ in range(frames)
        ]

    def closed(self) -> Image.Image:
        """Close the eyes: the lids come down, and the lashes lie where the eyes were."""
        eyes = [self.points[start : start + 6] for start in (36, 42)]

        def lids(x: float, y: float) -> Point:
            for eye in eyes:
                wide, middle = eye[3][0] - eye[0][0], (eye[0][0] + eye[3][0]) / 2
                bow = 1 - ((x - middle) / (0.75 * wide)) ** 2
                if bow > 0:
                    return x, _lowered(y, eye, wide, bow)
            return x, y

        return _with_lashes(_warped(self.photo, lids, step=2), eyes)

    def turned(self, degrees: float, nose: float = 0.45) -> Image.Image:
        """Turn the head, to its own left for more than 0: a cylinder with a nose on it."""
        turn = math.radians(degrees)
        radius = (self.points[16][0] - self.points[0][0]) / 2 * 1.15
        middle_x, middle_y = self.points[27][0], (self.points[27][1] + self.points[8][1]) / 2
        tall = self.points[8][1] - self.points[19][1]
        nose_x, nose_y = self.points[30]

        def behind(x: float, y: float) -> Point:
            across = place = (x - middle_x) / radius
            fade_down = math.exp(-(((y - middle_y) / tall) ** 4))
            for _ in range(12):
                depth = math.sqrt(1 - min(0.998, place * place))
                away = ((place * radius + middle_x - nose_x) ** 2 + (y - nose_y) ** 2 * 0.6) / (
                    2 * (0.28 * radius) ** 2
                )
                fade = fade_down * max(0.0, 1 - max(0.0, abs(place) - 0.8) / 0.7)
                moved = math.sin(turn) * (depth + nose * math.exp(-away)) - (1 - math.cos(turn)) * place
                place += 0.5 * (across - moved * fade - place)
            return place * radius + middle_x, y

        return _warped(self.photo, behind, step=6)

    def opened(self) -> Image.Image:
        """Open the mouth: the chin goes down, and it is dark inside."""
        (left, _), (right, _) = self.points[48], self.points[54]
        wide, middle = right - left, (left + right) / 2
        lips, chin = (self.points[62][1] + self.points[66][1]) / 2, self.points[8][1]
        gap = 0.45 * wide

        def above(x: float, y: float) -> Point:
            drop = gap * max(0.0, 1 - ((x - middle) / (0.9 * wide)) ** 2)
            end = chin + 2 * gap
            if not lips < y < end:
                return x, y
            return x, lips + max(0.0, y - lips - drop) * (end - lips) / (end - lips - drop)

        picture = _warped(self.photo, above, step=3)
        inside = Image.new("L", picture.size, 0)
        ImageDraw.Draw(inside).ellipse((middle - 0.38 * wide, lips - 1, middle + 0.38 * wide, lips + gap), fill=255)
        picture.paste((45, 18, 18), mask=inside.filter(ImageFilter.GaussianBlur(1.5)))
        return picture

    def _frame(self, look: Step, number: int, seed: int) -> bytes:
        key = (look, number, seed)
        if key not in self._shown:
            if look not in self._looks:
                self._looks[look] = self._look(look)
            self._shown[key] = jpeg(unsteady(self._looks[look], number, seed))
        return self._shown[key]

    def _look(self, look: Step) -> Image.Image:
        match look:
            case Step.BLINK:
                return self.closed()
            case Step.TURN_LEFT:
                return self.turned(_TURN_DEGREES)
            case Step.TURN_RIGHT:
                return self.turned(-_TURN_DEGREES)
            case Step.OPEN_MOUTH:
                return self.opened()
            case Step.HOLD_STILL:
                return self.photo


class Bent(Actor):
    """A photo that somebody bends round like a head, and turns when that is asked."""

    def _look(self, look: Step) -> Image.Image:
        degrees = {Step.TURN_LEFT: 30.0, Step.TURN_RIGHT: -30.0}.get(look)
        return self.photo if degrees is None else self.turned(degrees, nose=0)


def unsteady(frame: Image.Image, number: int, seed: int) -> Image.Image:
    """Hold the camera as hands do: a little askew, nearer or farther, in light that changes; each frame its own way."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311 - for pictures, not for secrets
    turned = frame.rotate(
        chance.uniform(-3, 3),
        Image.Resampling.BICUBIC,
        translate=(chance.randint(-6, 6), chance.randint(-6, 6)),
        fillcolor=(90, 90, 90),
    )
    side = chance.randint(440, 520)
    return ImageEnhance.Brightness(turned.resize((side, side))).enhance(chance.uniform(0.85, 1.15))


def tilted(picture: Image.Image, up: float, aside: float, round_: float, away: float = 2.5) -> Image.Image:
    """Show a flat picture from a distance, tilted by degrees about each axis."""
    tilt, turn, roll = (math.radians(degrees) for degrees in (up, aside, round_))
    right = _turned_about((math.cos(roll), math.sin(roll), 0.0), tilt, turn)
    down = _turned_about((-math.sin(roll), math.cos(roll), 0.0), tilt, turn)
    normal = _cross(right, down)
    half = picture.width / 2

    def on_the_plane(x: float, y: float) -> Point:
        ray = (x / half - 1, y / half - 1, away)
        far = normal[2] * away / _dot(normal, ray)
        point = (far * ray[0], far * ray[1], far * ray[2] - away)
        return (_dot(point, right) + 1) * half, (_dot(point, down) + 1) * half

    return _warped(picture, on_the_plane, step=8)


def _lowered(y: float, eye: Points, wide: float, bow: float) -> float:
    """Return from where the skin of a lid comes that lies at a height now."""
    base = (eye[0][1] + eye[3][1]) / 2
    upper = base + ((eye[1][1] + eye[2][1]) / 2 - base) * bow - 0.04 * wide
    lower = base + ((eye[4][1] + eye[5][1]) / 2 - base) * bow + 0.04 * wide
    above = 0.55 * wide
    lowered = upper + (lower - upper) * bow
    if upper - above < y < lowered:
        return upper - above + (y - upper + above) * above / (lowered - upper + above)
    return y


def _with_lashes(picture: Image.Image, eyes: Sequence[Points]) -> Image.Image:
    large = picture.resize((picture.width * 4, picture.height * 4))
    draw = ImageDraw.Draw(large)
    for eye in eyes:
        controls = (eye[0], eye[5], eye[4], eye[3])
        line = []
        for part in (number / 20 for number in range(21)):
            weights = ((1 - part) ** 3, 3 * part * (1 - part) ** 2, 3 * part**2 * (1 - part), part**3)
            line.append(
                tuple(4 * sum(w * point[axis] for w, point in zip(weights, controls, strict=True)) for axis in (0, 1))
            )
        draw.line(line, fill=(40, 28, 24), width=round(0.5 * (eye[3][0] - eye[0][0])))
    return large.resize(picture.size, Image.Resampling.LANCZOS)


def _warped(picture: Image.Image, source: Map, *, step: int) -> Image.Image:
    """Draw a picture anew, each point from where `source` says; in squares, small enough to look smooth."""
    columns = [*range(0, picture.width, step), picture.width]
    rows = [*range(0, picture.height, step), picture.height]
    points = {(x, y): source(x, y) for x in columns for y in rows}
    mesh = [
        ((x, y, right, low), (*points[x, y], *points[x, low], *points[right, low], *points[right, y]))
        for x, right in pairwise(columns)
        for y, low in pairwise(rows)
    ]
    return picture.transform(picture.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


Vector = tuple[float, float, float]


def _turned_about(vector: Vector, tilt: float, turn: float) -> Vector:
    x, y, z = vector
    x, z = x * math.cos(turn) + z * math.sin(turn), z * math.cos(turn) - x * math.sin(turn)
    return x, y * math.cos(tilt) - z * math.sin(tilt), y * math.sin(tilt) + z * math.cos(tilt)


def _cross(one: Vector, other: Vector) -> Vector:
    (a, b, c), (d, e, f) = one, other
    return b * f - c * e, c * d - a * f, a * e - b * d


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
