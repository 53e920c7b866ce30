"""Measures what makes a picture useless to whoever must read it: blur and glare."""

from typing import Final

from PIL import Image, ImageDraw, ImageFilter, ImageStat

# Both are measured on a grey copy of one size, so that the numbers mean the same for every camera.
_LONGEST_SIDE: Final = 800
# The discrete Laplacian: flat and blurred places give nothing, edges give much (Pech-Pacheco et al., ICPR 2000).
_LAPLACIAN: Final = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
# Lighter than this is burnt out; a picture whose middle tone is as light as paper is a scan, and no lamp shines in it.
_BURNT: Final = 250
_PAPER: Final = 190
_COARSE: Final = 8


def measured(picture: Image.Image) -> tuple[float, float]:
    """Return sharpness, the variance of the Laplacian, and glare, the share of the picture that is burnt out, 0 to 1.

    What is light out to the rim is no glare: the table that a card lies on.
    """
    grey = picture.reduce(max(1, max(picture.size) // _LONGEST_SIDE)).convert("L")
    grey.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BILINEAR)
    inside = (1, 1, grey.width - 1, grey.height - 1)  # Pillow leaves the rim as it was
    return ImageStat.Stat(grey.filter(_LAPLACIAN).crop(inside)).var[0], _glare(grey)


def _glare(grey: Image.Image) -> float:
    if ImageStat.Stat(grey).median[0] >= _PAPER:
        return 0.0
    burnt = grey.reduce(_COARSE).point(lambda tone: 255 if tone >= _BURNT else 0)
    rimmed = Image.new("L", (burnt.width + 2, burnt.height + 2), 255)
    rimmed.paste(burnt, (1, 1))
    ImageDraw.floodfill(rimmed, (0, 0), 0)
    return ImageStat.Stat(rimmed).sum[0] / 255 / (burnt.width * burnt.height)
