"""What runs in a worker process: the one function that the pool calls, and what it is told to do."""

import io
import re
import warnings
from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from app.adapters.images.encoding import Unusable
from app.adapters.images.marks import marked
from app.adapters.images.pdf import pages
from app.adapters.images.photos import photo
from app.adapters.images.portraits import look, upright_size
from app.adapters.workers import limit_processor_time
from app.ports.images import CardPhotoLook, ImageFault, ImageType, ImageUse, PreparedImage

Done = TypeVar("Done")


def do(work: Callable[..., Done], cpu_seconds: int, *arguments: object) -> Done:
    """Do one piece of work. More processor time than given ends the process."""
    limit_processor_time(cpu_seconds)
    return work(*arguments)


def decoded(
    content: bytes, image_type: ImageType, use: ImageUse, keep_comment: re.Pattern[str] | None
) -> tuple[PreparedImage, ...] | ImageFault:
    """Decode and encode anew, or say what is wrong. Never raises: errors of decoders may hold pieces of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if image_type is ImageType.PDF:
                return pages(content, longest_side=use.longest_side)
            return (photo(content, image_type, longest_side=use.longest_side, keep_comment=keep_comment),)
    except Unusable as unusable:
        return unusable.fault
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return ImageFault.TOO_MANY_PIXELS
    except Exception:
        # Decoders raise nearly anything over damaged bytes, MemoryError at the limit included.
        return ImageFault.UNREADABLE


def portrayed(content: bytes, image_type: ImageType) -> tuple[PreparedImage, CardPhotoLook] | ImageFault:
    """Decode a photo for a card, encode it anew and measure it, or say what is wrong. Never raises, as above."""
    pages = decoded(content, image_type, ImageUse.CARD_PHOTO, None)
    if isinstance(pages, ImageFault):
        return pages
    try:
        with Image.open(io.BytesIO(pages[0].content), formats=["JPEG"]) as picture:
            return pages[0], look(picture, upright_size(content))
    except Exception:
        return ImageFault.UNREADABLE


def watermarked(content: bytes, text: str) -> bytes | ImageFault:
    """Write a text across one of our own pictures, or say that it is none. Never raises, for the same reason."""
    try:
        return marked(content, text)
    except Exception:
        return ImageFault.UNREADABLE
