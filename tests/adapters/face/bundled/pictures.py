"""Photos that come with well-known libraries; `make test-faces` fetches the packages, and nothing is installed of them.

face_recognition (its source package): three photos of one man, of which two parts, and one of another; the first half
of `32bit.png` is the second photo again. scikit-image: a woman in a space suit, a cat, and a man who looks away.
"""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[4] / ".tools" / "faces" / "pictures"

WHO: Mapping[str, str] = {
    "obama": "Obama",
    "obama2": "Obama",
    "obama3": "Obama",
    "biden": "Biden",
    "astronaut": "Collins",
}
"""Whose photo it is, by name."""
PARTS = ("obama_partial_face", "obama_partial_face2")
NOBODY = ("chelsea", "camera")


@cache
def picture(name: str) -> Image.Image:
    """Open one of them, at most 1000 pixels large."""
    opened = Image.open(io.BytesIO(_content(name))).convert("RGB")
    opened.thumbnail((1000, 1000))
    return opened


def _content(name: str) -> bytes:
    (sources,), (wheel,) = FOLDER.glob("face_recognition-*.tar.gz"), FOLDER.glob("scikit_image-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        if (inside := f"skimage/data/{name}.png") in archive.namelist():
            return archive.read(inside)
    with tarfile.open(sources) as archive:
        found = archive.extractfile(f"{sources.name.removesuffix('.tar.gz')}/tests/test_images/{name}.jpg")
        assert found is not None
        return found.read()
