"""Writes across a picture who looks at it and when: a copy that gets out says from whom."""

import io
import math
from typing import Final

from PIL import Image, ImageDraw, ImageFont

# Large enough to be read in a photo of a screen, small enough to be there many times over.
_LETTERS_PER_SIDE: Final = 32
_TURNED_DEGREES: Final = 30
_QUALITY: Final = 85
# White on dark and dark on white: one of the two shows on every ground, and neither hides a face or small print.
_DARK: Final = ((16, 16, 16), 72)
_LIGHT: Final = ((255, 255, 255), 96)


def marked(content: bytes, text: str) -> bytes:
    """Return a JPEG with a line of text written across it, again and again.

    Args:
        content: a JPEG of ours.
        text: ASCII; other characters have no shape in the font that comes along.
    """
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        picture = image.convert("RGB")
    picture.info = {}  # Pillow would write a comment that it finds there
    size = max(12, min(picture.size) // _LETTERS_PER_SIDE)
    lines = _lines(picture.size, size, text)
    for (colour, strength), shift in ((_DARK, max(1, size // 12)), (_LIGHT, 0)):
        mask = Image.new("L", picture.size)
        mask.paste(lines.point(lambda value, most=strength: value * most // 255), (shift, shift))
        picture.paste(colour, mask=mask)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _lines(size: tuple[int, int], letters: int, text: str) -> Image.Image:
    """Return slanting lines of the text, white on black, that cover a picture of this size."""
    font = ImageFont.load_default(letters)
    side = math.ceil(math.hypot(*size))
    line = f"{text}     "
    repeated = line * math.ceil(side / font.getlength(line))
    sheet = Image.new("L", (side, side))
    draw = ImageDraw.Draw(sheet)
    for row, top in enumerate(range(0, side, letters * 4)):
        draw.text((-(row % 2) * letters * 6, top), repeated, fill=255, font=font)
    turned = sheet.rotate(_TURNED_DEGREES, Image.Resampling.BICUBIC)
    left, above = (side - size[0]) // 2, (side - size[1]) // 2
    return turned.crop((left, above, left + size[0], above + size[1]))
