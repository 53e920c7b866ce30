"""The way in for photos: JPEG, PNG, WebP and HEIC become an upright sRGB picture of the size we keep."""

import io
import re
from collections.abc import Mapping
from typing import Final

import pi_heif  # type: ignore[import-untyped]  # the library has neither annotations nor stubs
from PIL import ExifTags, Image, ImageCms, ImageFile

from app.adapters.images.comments import kept_comment
from app.adapters.images.encoding import Unusable, encoded, fitted
from app.ports.images import MAX_PIXELS, ImageFault, ImageType, PreparedImage

_PILLOW_FORMATS: Final[Mapping[ImageType, str]] = {
    ImageType.JPEG: "JPEG",
    ImageType.PNG: "PNG",
    ImageType.WEBP: "WEBP",
}
# A JPEG with a second picture behind the first is what phones make of depth and gain maps, and a HEIC may hold a
# burst: of these the main picture is taken. In the others a second picture is a film.
_FILMS: Final = frozenset({ImageType.PNG, ImageType.WEBP})
# EXIF 2.32, tag 0x0112: how the stored rows must be turned to stand upright.
_UPRIGHT: Final[Mapping[int, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Several workers run side by side already, and every thread of a decoder takes address space from the limit.
pi_heif.options.DECODE_THREADS = 1
_SRGB: Final = ImageCms.createProfile("sRGB")


def photo(
    content: bytes, image_type: ImageType, *, longest_side: int, keep_comment: re.Pattern[str] | None
) -> PreparedImage:
    """Decode one photo and encode it anew.

    Raises:
        Unusable: it is not what we take.
        Exception: whatever a decoder makes of a damaged file.
    """
    with _opened(content, image_type) as image:
        if image_type in _FILMS and getattr(image, "is_animated", False):
            raise Unusable(ImageFault.ANIMATED)
        if image.width * image.height > MAX_PIXELS:
            raise Unusable(ImageFault.TOO_MANY_PIXELS)
        size = fitted(image.size, longest_side)
        # Lets the JPEG decoder skip detail that the shrinking would drop; other decoders ignore it.
        image.draft(None, size)
        image.load()
        exif = _exif(image)
        comment = kept_comment(image, exif, keep_comment)
        shrunk = _opaque(image).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
        picture = _srgb(shrunk, image.info.get("icc_profile"))
        if (turn := _UPRIGHT.get(exif.get(ExifTags.Base.Orientation, 1))) is not None:
            picture = picture.transpose(turn)
        return encoded(picture, comment)


def _opened(content: bytes, image_type: ImageType) -> ImageFile.ImageFile:
    if image_type is ImageType.HEIC:
        heic: ImageFile.ImageFile = pi_heif.HeifImageFile(io.BytesIO(content))
        return heic
    return Image.open(io.BytesIO(content), formats=[_PILLOW_FORMATS[image_type]])


def _exif(image: Image.Image) -> Image.Exif:
    # Many a good photo carries broken EXIF: then it is taken as it lies.
    try:
        return image.getexif()
    except Exception:
        return Image.Exif()


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be resized well: no alpha, no palette, eight bits."""
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit grey cuts off at 255 instead of scaling.
        return image.point(lambda value: value * (1 / 257)).convert("L")
    return image if image.mode in {"L", "RGB", "CMYK"} else image.convert("RGB")


def _srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    if icc_profile:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            if "sRGB" not in ImageCms.getProfileDescription(profile):
                converted = ImageCms.profileToProfile(image, profile, _SRGB, outputMode="RGB")
                return image.convert("RGB") if converted is None else converted
        except (ImageCms.PyCMSError, OSError):
            # A profile that is broken or made for another kind of picture: the plain numbers are the best there is.
            return image.convert("RGB")
    return image.convert("RGB")
