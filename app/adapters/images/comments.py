"""Finds the text comment inside a picture: the development face provider takes its orders from there."""

import re
from collections.abc import Iterator
from typing import Final

from PIL import ExifTags, Image

# EXIF 2.32, table 9: the first eight bytes of UserComment name its character code.
_ASCII: Final = b"ASCII\x00\x00\x00"


def kept_comment(image: Image.Image, exif: Image.Exif, pattern: re.Pattern[str] | None) -> str | None:
    """Return the embedded comment that matches the pattern wholly; None without a pattern or a match."""
    if pattern is None:
        return None
    for comment in _comments(image, exif):
        if comment.isascii() and pattern.fullmatch(comment):
            return comment
    return None


def _comments(image: Image.Image, exif: Image.Exif) -> Iterator[str]:
    # A JPEG's comment lies in `info` as bytes, a PNG's as text under the keyword that the PNG specification registers.
    for written in (image.info.get("comment"), image.info.get("Comment")):
        if isinstance(written, bytes):
            yield written.decode("latin-1")
        elif isinstance(written, str):
            yield str(written)
    user_comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    if isinstance(user_comment, bytes) and user_comment.startswith(_ASCII):
        yield user_comment.removeprefix(_ASCII).rstrip(b"\x00 ").decode("latin-1")
