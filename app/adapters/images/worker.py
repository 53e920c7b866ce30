"""What runs in a worker process: the one function that the pool calls."""

import re
import warnings

from PIL import Image

from app.adapters.images.encoding import Unusable
from app.adapters.images.pdf import pages
from app.adapters.images.photos import photo
from app.adapters.workers import limit_processor_time
from app.ports.images import ImageFault, ImageType, ImageUse, PreparedImage


def prepare(
    content: bytes, image_type: ImageType, use: ImageUse, keep_comment: re.Pattern[str] | None, cpu_seconds: int
) -> tuple[PreparedImage, ...] | ImageFault:
    """Prepare one upload. More processor time than given ends the process."""
    limit_processor_time(cpu_seconds)
    return decoded(content, image_type, use, keep_comment)


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
