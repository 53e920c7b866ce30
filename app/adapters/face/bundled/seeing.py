"""What a worker process sees in pictures. The only module that knows the library, and loads it when it first looks.

http://dlib.net/python/: a detector of upright faces (histograms of gradients), 68 landmarks, a residual network that
makes 128 numbers of a face. The models come in the package face-recognition-models, which is only looked for: its own
code asks for a module that setuptools has no more.
"""

import io
import os
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from PIL import Image

from app.adapters.face.bundled.measures import POINTS, Face, Sight
from app.adapters.workers import limit_processor_time

LIBRARIES: Final = ("dlib", "face_recognition_models", "numpy")
# Measured: a check of 24 frames takes 2 to 5 seconds of processor time.
_CPU_SECONDS: Final = 60
_LONGEST_SIDE: Final = 1024
# The detector finds faces of 80 pixels and more. What it is not sure of (its score: faces have 0.5 to 2.3, a space suit
# had 0) is a face only where there is no other, and a face in the crowd behind is none before the camera.
_SURE: Final = 0.3
_BESIDE: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Models:
    """The library and its models, loaded once a process: about a second and 160 MiB."""

    numpy: Any
    detector: Any
    predictor: Any
    recogniser: Any


def is_there() -> bool:
    """Say whether the extra is installed, without loading it."""
    return all(find_spec(name) is not None for name in LIBRARIES)


def see(pictures: tuple[bytes, ...]) -> tuple[Sight, ...]:
    """Look at JPEG pictures; what the pool calls. More processor time than any check needs ends the process."""
    limit_processor_time(_CPU_SECONDS)
    return tuple(_seen(content) for content in pictures)


def _seen(content: bytes) -> Sight:
    """Look at one. What cannot be read shows nobody: errors of decoders may hold pieces of the file."""
    try:
        picture = Image.open(io.BytesIO(content), formats=["JPEG"])
        picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        rgb = picture.convert("RGB")
    except Exception:
        return Sight(0, None)
    models = _models()
    pixels = models.numpy.asarray(rgb)
    boxes, scores, _ = models.detector.run(pixels, 0, 0.0)
    sure = [box for box, score in zip(boxes, scores, strict=True) if score >= _SURE] or list(boxes)[:1]
    if not sure:
        return Sight(0, None)
    largest = max(sure, key=lambda box: int(box.width()))
    beside = [box for box in sure if box.width() >= _BESIDE * largest.width()]
    return Sight(len(beside), _face(models, pixels, largest))


def _face(models: _Models, pixels: Any, box: Any) -> Face:
    shape = models.predictor(pixels, box)
    points = tuple((float(shape.part(number).x), float(shape.part(number).y)) for number in range(POINTS))
    height, width = pixels.shape[:2]
    top, left = max(0, box.top()), max(0, box.left())
    return Face(
        points=points,
        descriptor=tuple(models.recogniser.compute_face_descriptor(pixels, shape)),
        is_whole=all(0 <= x < width and 0 <= y < height for x, y in points),
        light=float(pixels[top : box.bottom(), left : box.right()].mean()),
    )


@cache
def _models() -> _Models:
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each thread of numpy's takes address space from the limit
    numpy, dlib = import_module("numpy"), import_module("dlib")
    package = find_spec("face_recognition_models")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "models"
    return _Models(
        numpy,
        dlib.get_frontal_face_detector(),
        dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat")),
        dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat")),
    )
