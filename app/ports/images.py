"""What the product asks of image work: hostile bytes in, clean JPEG pages out.

ImageRefused                  the file cannot be used; `fault` says why
├── ImageTypeUnsupported      415: not a kind this use takes
│   └── CardPhotoTypeUnsupported  415: no JPEG
├── ImageUnreadable           422: damaged, or too costly to read
├── ImageTooManyPixels        422
├── ImageTooSmall             422
├── PdfActiveContent          422
├── PdfTooManyPages           422
└── FileEncrypted             422
ImagesBusy                    503: nothing is wrong with the file, the queue is full
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from app.core.errors import AppError, Invalid, Unavailable, UnsupportedMedia

MAX_PIXELS: Final = 50_000_000
MAX_PDF_PAGES: Final = 4
# Below this a face cannot be compared nor a number read: the portraits of second-generation ID cards are 358 × 441.
MIN_SIDE: Final = 240


class ImageType(StrEnum):
    """The kinds of file we know, by their first bytes."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    HEIC = "image/heic"
    PDF = "application/pdf"


PHOTOS: Final = frozenset({ImageType.JPEG, ImageType.PNG, ImageType.WEBP, ImageType.HEIC})


class ImageUse(StrEnum):
    """What an image is for: it decides the kinds taken and the size kept."""

    DOCUMENT = "document"
    REGISTER = "register"
    FACE = "face"
    FRAME = "frame"
    CARD_PHOTO = "card_photo"

    @property
    def types(self) -> frozenset[ImageType]:
        """The kinds of file taken: photos, PDF for registers, and of films what cameras give to programs."""
        if self is ImageUse.FRAME:
            return PHOTOS - {ImageType.HEIC}
        if self is ImageUse.CARD_PHOTO:
            return frozenset({ImageType.JPEG})
        return PHOTOS | {ImageType.PDF} if self is ImageUse.REGISTER else PHOTOS

    @property
    def longest_side(self) -> int:
        """The longest side kept, in pixels (docs/adr/0010); a frame is one of dozens."""
        return {ImageUse.FACE: 1024, ImageUse.FRAME: 640, ImageUse.CARD_PHOTO: 1024}.get(self, 2400)


class ImageFault(StrEnum):
    """Why a file is refused: the closed list."""

    UNREADABLE = "unreadable"
    WRONG_TYPE = "wrong_type"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    ANIMATED = "animated"
    ACTIVE_CONTENT = "active_content"
    TOO_MANY_PAGES = "too_many_pages"
    ENCRYPTED = "encrypted"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """One page, re-encoded by us: upright, sRGB, JPEG, nothing beside the pixels.

    `sha256` is of `content`, in hex; the same file gives the same content as long as the libraries stay the same.
    `sharpness` is the variance of the Laplacian of a grey copy of at most 800 pixels, `glare` the share of it that is
    burnt out in a picture that is no scan, 0 to 1.
    """

    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    sha256: str
    sharpness: float
    glare: float


@dataclass(frozen=True, slots=True)
class CardPhotoLook:
    """What was measured of a photo for a card: its size as sent, and shares of 1.

    `background` is how much of the upper corners is white, `headroom` of the height is above the head, `beside` of the
    width is free on the narrower side of it, `off_centre` how far it is from the middle, `subject` how much of the
    picture is not white. `colour` is the mean distance between the channels there, 0 to 255.
    """

    width: int
    height: int
    background: float
    headroom: float
    beside: float
    off_centre: float
    subject: float
    colour: float


class ImageRefused(AppError):
    """The file cannot be used. `fault` is exact, the code is what the person can act upon."""

    def __init__(self, fault: ImageFault) -> None:
        super().__init__()
        self.fault: Final = fault


class ImageTypeUnsupported(ImageRefused, UnsupportedMedia):
    """Not a kind of file this use takes; an animation is none either."""


class CardPhotoTypeUnsupported(ImageTypeUnsupported):
    """Card makers take JPEG alone."""

    code = "card-photo-type-unsupported"

    def __init__(self) -> None:
        super().__init__(ImageFault.WRONG_TYPE)


class ImageUnreadable(ImageRefused, Invalid):
    """Damaged or cut short, or reading it takes more time or memory than any photo needs."""

    code = "image-unreadable"


class ImageTooManyPixels(ImageRefused, Invalid):
    """More than `MAX_PIXELS`."""

    code = "image-too-many-pixels"


class ImageTooSmall(ImageRefused, Invalid):
    """The shorter side would be under `MIN_SIDE`."""

    code = "image-too-small"


class PdfActiveContent(ImageRefused, Invalid):
    """A PDF that does things: scripts, actions on opening, files inside, forms that change themselves."""

    code = "pdf-active-content"


class PdfTooManyPages(ImageRefused, Invalid):
    """More than `MAX_PDF_PAGES`."""

    code = "pdf-too-many-pages"


class FileEncrypted(ImageRefused, Invalid):
    """A PDF that asks for a password or restricts its reader."""

    code = "file-encrypted"


class ImagesBusy(Unavailable):
    """The queue is full or does not move. Nothing is wrong with the file."""

    code = "images-busy"


_REFUSALS: Final[Mapping[ImageFault, type[ImageRefused]]] = {
    ImageFault.UNREADABLE: ImageUnreadable,
    ImageFault.WRONG_TYPE: ImageTypeUnsupported,
    ImageFault.TOO_MANY_PIXELS: ImageTooManyPixels,
    ImageFault.TOO_SMALL: ImageTooSmall,
    ImageFault.ANIMATED: ImageTypeUnsupported,
    ImageFault.ACTIVE_CONTENT: PdfActiveContent,
    ImageFault.TOO_MANY_PAGES: PdfTooManyPages,
    ImageFault.ENCRYPTED: FileEncrypted,
    ImageFault.TIMED_OUT: ImageUnreadable,
}


def refusal(fault: ImageFault) -> ImageRefused:
    """Return the error that tells the person about a fault."""
    return _REFUSALS[fault](fault)


class Images(Protocol):
    """Makes uploads safe to keep and to show."""

    async def prepare(self, content: bytes, *, use: ImageUse) -> tuple[PreparedImage, ...]:
        """Check an upload by its bytes and re-encode it.

        A photo gives one page; a PDF (registers only) one for each of its pages, in order. Of a file holding several
        photos the main one is taken. Names and headers are not asked, and nothing but the pixels survives.

        Raises:
            ImageRefused: the file is not what it should be; see the tree above.
            ImagesBusy: too many uploads are waiting, or the wait got too long. Trying again later is right.
        """
        ...

    async def card_photo(self, content: bytes) -> tuple[PreparedImage, CardPhotoLook]:
        """Check a photo for a card by its bytes, re-encode it, and measure it; whether it is good enough is a policy.

        Raises:
            ImageRefused: it is no JPEG, or one that cannot be read.
            ImagesBusy: too many uploads are waiting, or the wait got too long.
        """
        ...

    async def marked(self, content: bytes, text: str) -> bytes:
        """Return a prepared image, a JPEG, with a line of ASCII text written across it again and again.

        Raises:
            ImagesBusy: too many images are waiting, or the wait got too long.
            ImageUnreadable: it is none of ours, or was damaged since.
        """
        ...

    async def close(self) -> None:
        """End the workers. What is still waiting fails."""
        ...
