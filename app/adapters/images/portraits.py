"""Measures the photo for a card: what is background, and how the head stands in it. Nobody's face is looked for."""

import io
from typing import Final

from PIL import ExifTags, Image, ImageChops, ImageStat

from app.ports.images import CardPhotoLook

# JPEG makes white a little less; what is lighter than this is background. A pixel counts by its darkest channel.
_WHITE: Final = 225
_REDUCED: Final = 2
_CORNERS: Final = (0.1, 0.35)  # left and right tenth of the upper third: no head reaches there
_HEAD: Final = 0.55  # the part of the height in which the head is
_LEAST: Final = 0.03  # of a row or column; less is dust
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})  # EXIF 2.32, tag 0x0112


def upright_size(content: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG as it is to be looked at."""
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
        return (image.height, image.width) if is_turned else image.size


def look(picture: Image.Image, size: tuple[int, int]) -> CardPhotoLook:
    """Measure an upright RGB picture; `size` is what was sent."""
    small = picture.convert("RGB").reduce(_REDUCED)
    red, green, blue = small.split()
    darkest = ImageChops.darker(red, ImageChops.darker(green, blue))
    lightest = ImageChops.lighter(red, ImageChops.lighter(green, blue))
    subject = darkest.point(lambda tone: 0 if tone >= _WHITE else 255)
    rows = _shares(subject, along_rows=True)
    head = subject.crop((0, 0, subject.width, round(subject.height * _HEAD)))
    columns = [index for index, share in enumerate(_shares(head, along_rows=False)) if share >= _LEAST]
    left, right = (columns[0], columns[-1] + 1) if columns else (0, subject.width)
    top = next((index for index, share in enumerate(rows) if share >= _LEAST), subject.height)
    return CardPhotoLook(
        width=size[0],
        height=size[1],
        background=_background(subject),
        headroom=top / subject.height,
        beside=min(left, subject.width - right) / subject.width,
        off_centre=abs(left + right - subject.width) / 2 / subject.width,
        subject=ImageStat.Stat(subject).mean[0] / 255,
        colour=ImageStat.Stat(ImageChops.subtract(lightest, darkest), mask=subject).mean[0] if columns else 0.0,
    )


def _shares(mask: Image.Image, *, along_rows: bool) -> list[float]:
    """Return how much of each row, or of each column, is subject."""
    line = mask.resize((1, mask.height) if along_rows else (mask.width, 1), Image.Resampling.BOX)
    return [tone / 255 for tone in line.tobytes()]


def _background(subject: Image.Image) -> float:
    """Return how much of the upper corners is white."""
    width, height = round(subject.width * _CORNERS[0]), round(subject.height * _CORNERS[1])
    corners = (
        subject.crop((0, 0, width, height)),
        subject.crop((subject.width - width, 0, subject.width, height)),
    )
    return 1 - sum(ImageStat.Stat(corner).mean[0] for corner in corners) / 255 / len(corners)
