"""Tells files apart by their first bytes; names and headers are not asked."""

from typing import Final

from app.ports.images import ImageType

# ISO/IEC 23008-12, annex B: the brands of files whose main picture is coded in HEVC, and the two general ones.
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def image_type(content: bytes) -> ImageType | None:
    """Return what the first bytes promise; None when it is nothing that we know."""
    if content.startswith(b"\xff\xd8\xff"):
        return ImageType.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageType.PNG
    if content.startswith(b"%PDF-"):
        return ImageType.PDF
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return ImageType.WEBP
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        return ImageType.HEIC
    return None
