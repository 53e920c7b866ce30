"""What runs in a worker process: its limits, and the one function that the pool calls.

The limits hold against accidents and bombs. They are no jail: whoever breaks a decoder open is stopped by the account
and the container that the server runs in.
"""

import math
import os
import re
import resource
import signal
import time
import warnings

from PIL import Image

from app.adapters.images.encoding import Unusable
from app.adapters.images.pdf import pages
from app.adapters.images.photos import photo
from app.ports.images import ImageFault, ImageType, ImageUse, PreparedImage


def enter(niceness: int, memory_bytes: int) -> None:
    """Give up what decoding does not need; called once, when a worker starts."""
    os.nice(niceness)
    # The pool's own handler would wait until the decoder comes back to Python.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _lower(resource.RLIMIT_AS, memory_bytes)
    # A decoder that crashes would leave somebody's document on the disk.
    _lower(resource.RLIMIT_CORE, 0)


def prepare(
    content: bytes, image_type: ImageType, use: ImageUse, keep_comment: re.Pattern[str] | None, cpu_seconds: int
) -> tuple[PreparedImage, ...] | ImageFault:
    """Prepare one upload. More processor time than given ends the process by SIGXCPU.

    Processor time and not the clock: a machine under load is no fault of the file. The kernel keeps the limit even
    when the server that asked is gone.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + cpu_seconds, hard))
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


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (lowered, lowered))
