"""The way out: an upright sRGB picture becomes the JPEG that we keep."""

import hashlib
import io
from typing import Final

from PIL import Image

from app.adapters.images.quality import measured
from app.ports.images import MIN_SIDE, ImageFault, ImageType, PreparedImage

# Small print stays readable, and a 2400-pixel page takes well under 1 MiB.
_QUALITY: Final = 85


class Unusable(Exception):
    """The file cannot be used. It never leaves the worker: the fault is handed back as a value."""

    def __init__(self, fault: ImageFault) -> None:
        super().__init__(fault)
        self.fault: Final = fault


def fitted(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Return the size an image is kept in: its own, or smaller with the same proportions.

    Raises:
        Unusable: what is left would be too small to use.
    """
    shrink = min(1.0, longest_side / max(size))
    width, height = (max(1, round(side * shrink)) for side in size)
    if min(width, height) < MIN_SIDE:
        raise Unusable(ImageFault.TOO_SMALL)
    return width, height


def encoded(image: Image.Image, comment: str | None) -> PreparedImage:
    """Encode an RGB picture with nothing beside its pixels, except for a comment that was asked to be kept."""
    # Pillow would write the comment it finds in `info`.
    image.info = {}
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, comment=(comment or "").encode("ascii"))
    content = buffer.getvalue()
    sharpness, glare = measured(image)
    return PreparedImage(
        content=content,
        media_type=ImageType.JPEG.value,
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(content).hexdigest(),
        sharpness=sharpness,
        glare=glare,
    )
