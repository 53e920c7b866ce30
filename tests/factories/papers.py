"""Reads papers as people do: their text, and the QR code that they bear."""

from collections.abc import Sequence

import pypdfium2
import segno
from PIL import Image


def text_of(pdf: bytes) -> str:
    """Return all text of a PDF file, in one line."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return " ".join(" ".join(pages).split())


def pages_of(pdf: bytes) -> list[Image.Image]:
    """Return the pages as pictures, four points for each of theirs."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.render(scale=4).to_pil().convert("L") for page in document]
    finally:
        document.close()


def shows_code(pdf: bytes, address: str) -> bool:
    """Say whether the first page bears the QR code of an address, module for module, in its upper right corner."""
    modules = [bytes(row) for row in segno.make_qr(address, error="m", boost_error=False).matrix]
    page = pages_of(pdf)[0]
    corner = page.crop((page.width // 2, 0, page.width, page.height // 4))
    dark = corner.point(lambda level: 255 if level < 128 else 0)
    box = dark.getbbox()
    assert box is not None
    left, top, right, _ = _square(dark, box)
    side = (right - left) / len(modules)
    return all(
        (dark.getpixel((int(left + (across + 0.5) * side), int(top + (down + 0.5) * side))) == 255) == bool(is_dark)
        for down, row in enumerate(modules)
        for across, is_dark in enumerate(row)
    )


def _square(dark: Image.Image, box: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the square at the right of what is dark: the code is wider than it is far from what stands beside it."""
    right, top = box[2], next(row for row in range(dark.height) if dark.getpixel((box[2] - 4, row)) == 255)
    bottom = max(row for row in range(dark.height) if any(dark.getpixel((right - step, row)) for step in range(1, 240)))
    return right - (bottom + 1 - top), top, right, bottom + 1
