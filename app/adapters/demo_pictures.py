"""Draws the pictures of the demo: faces and papers of people who do not exist, the same every time for one seed.

What was drawn lately is kept: whoever tries things out asks for the same pictures again and again.
"""

import hashlib
import io
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_PORTRAIT: Final = (600, 800)
_CARD: Final = (1000, 640)
_PAGE: Final = (1240, 1754)  # A4 at 150 dots an inch

_SKIN: Final = ("#f3d3b4", "#e8bf98", "#d9a877", "#c68c5c", "#a06c43")
_HAIR: Final = ("#17120f", "#2b1d14", "#4a3222", "#6d6a68", "#c9c6c2")
_EYES: Final = ("#2a1a10", "#4a3020", "#33404a")
_CLOTHES: Final = ("#27476e", "#6e2737", "#2f5d3a", "#4d4d52", "#7a5a1e", "#5a3f73")
_WALL: Final = ("#eef2f5", "#dfe8f2", "#f4efe6")
_INK: Final = "#222222"
_KEPT: Final = 64


def picture(label: str, kind: str, comment: str | None) -> bytes:
    """Draw what somebody would upload of a test person: a `facial_photo`, a `card_photo`, or a paper."""
    seed = zlib.crc32(label.encode())
    if kind == "facial_photo":
        return portrait_photo(seed, comment=comment)
    if kind == "card_photo":
        return card_photo(seed)
    return document_photo(seed, kind.replace("_", " ").upper(), comment=comment)


@lru_cache(_KEPT)
def portrait_photo(seed: int, *, comment: str | None = None) -> bytes:
    """Draw a face as a JPEG of 600 × 800.

    The sandbox face provider obeys the comment: `sandbox:face_mismatch` and the like.
    """
    return _jpeg(_portrait(_traits(seed)), comment)


@lru_cache(_KEPT)
def card_photo(seed: int, *, wall: str = "white", moved: tuple[int, int] = (0, 0), scale: float = 1.0) -> bytes:
    """Draw a face as the photo for a card, a JPEG of 358 × 441 on white; or one that is not as it should be."""
    width, height = round(358 * scale), round(477 * scale)
    face = _portrait(replace(_traits(seed), wall=wall)).resize((width, height), Image.Resampling.LANCZOS)
    photo = Image.new("RGB", (358, 441), wall)
    photo.paste(face, ((358 - width) // 2 + moved[0], moved[1] - round(36 * scale)))
    return _jpeg(photo, None)


@lru_cache(_KEPT)
def document_photo(seed: int, text: str, *, comment: str | None = None) -> bytes:
    """Draw a card with a face and a few lines of Latin text as a JPEG of 1000 × 640."""
    card = Image.new("RGB", _CARD, "#f6f8fb")
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((12, 12, _CARD[0] - 13, _CARD[1] - 13), radius=36, outline="#7893b5", width=6)
    draw.rectangle((12, 60, _CARD[0] - 13, 120), fill="#c9d8ea")
    draw.text((48, 70), "SAMPLE - DEMO - NOT VALID", fill="#8a1f1f", font=ImageFont.load_default(36))
    draw.multiline_text((48, 170), text, fill=_INK, font=ImageFont.load_default(34), spacing=18)
    card.paste(_portrait(_traits(seed)).resize((285, 380)), (_CARD[0] - 345, 190))
    return _jpeg(card, comment)


@lru_cache(_KEPT)
def register_pdf(pages: int) -> bytes:
    """Draw a household register of so many pages as a PDF of scanned images."""
    drawn = [_register_page(number) for number in range(1, pages + 1)]
    buffer = io.BytesIO()
    drawn[0].save(buffer, "PDF", save_all=True, append_images=drawn[1:], resolution=150)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Traits:
    """What makes one face differ from the next."""

    skin: str
    hair: str
    eyes: str
    clothes: str
    wall: str
    has_long_hair: bool
    has_glasses: bool
    width: int
    smile: int


def _traits(seed: int) -> _Traits:
    dice = hashlib.sha256(str(seed).encode()).digest()
    return _Traits(
        skin=_SKIN[dice[0] % len(_SKIN)],
        hair=_HAIR[dice[1] % len(_HAIR)],
        eyes=_EYES[dice[2] % len(_EYES)],
        clothes=_CLOTHES[dice[3] % len(_CLOTHES)],
        wall=_WALL[dice[4] % len(_WALL)],
        has_long_hair=dice[5] % 2 == 0,
        has_glasses=dice[6] % 3 == 0,
        width=140 + dice[7] % 31,
        smile=dice[8] % 40,
    )


def _portrait(traits: _Traits) -> Image.Image:
    picture = Image.new("RGB", _PORTRAIT, traits.wall)
    draw = ImageDraw.Draw(picture)
    middle = _PORTRAIT[0] // 2
    _draw_head(draw, middle, traits)
    for side in (-1, 1):
        _draw_eye(draw, middle + side * 65, traits)
    _draw_features(draw, middle, traits)
    return picture


def _draw_head(draw: ImageDraw.ImageDraw, middle: int, traits: _Traits) -> None:
    if traits.has_long_hair:
        draw.rounded_rectangle(
            (middle - traits.width - 35, 210, middle + traits.width + 35, 640), radius=90, fill=traits.hair
        )
    draw.ellipse((middle - 250, 610, middle + 250, 1000), fill=traits.clothes)
    draw.rounded_rectangle((middle - 60, 520, middle + 60, 670), radius=40, fill=traits.skin)
    draw.ellipse((middle - traits.width - 18, 170, middle + traits.width + 18, 470), fill=traits.hair)
    for side in (-1, 1):
        ear = middle + side * traits.width
        draw.ellipse((ear - 24, 360, ear + 24, 440), fill=traits.skin)
    draw.ellipse((middle - traits.width, 215, middle + traits.width, 590), fill=traits.skin)
    draw.pieslice((middle - traits.width, 190, middle + traits.width, 400), start=180, end=360, fill=traits.hair)


def _draw_eye(draw: ImageDraw.ImageDraw, at: int, traits: _Traits) -> None:
    draw.arc((at - 40, 325, at + 40, 375), start=200, end=340, fill=traits.hair, width=10)
    draw.ellipse((at - 32, 365, at + 32, 405), fill="white", outline=_INK, width=3)
    draw.ellipse((at - 15, 370, at + 15, 400), fill=traits.eyes)
    draw.ellipse((at - 6, 379, at + 6, 391), fill="black")
    if traits.has_glasses:
        draw.ellipse((at - 52, 337, at + 52, 433), outline=_INK, width=6)


def _draw_features(draw: ImageDraw.ImageDraw, middle: int, traits: _Traits) -> None:
    if traits.has_glasses:
        draw.line((middle - 13, 380, middle + 13, 380), fill=_INK, width=6)
    draw.line((middle, 395, middle - 16, 462, middle + 12, 466), fill="#8a5a3c", width=6, joint="curve")
    draw.chord((middle - 58, 480, middle + 58, 520 + traits.smile), start=10, end=170, fill="#a8433f")


def _register_page(number: int) -> Image.Image:
    page = Image.new("RGB", _PAGE, "#fbf7ee")
    draw = ImageDraw.Draw(page)
    draw.text(
        (120, 90), f"HOUSEHOLD REGISTER - SAMPLE - PAGE {number}", fill="#8a1f1f", font=ImageFont.load_default(40)
    )
    for row in range(12):
        top = 190 + row * 115
        draw.rectangle((120, top, _PAGE[0] - 120, top + 115), outline=_INK, width=3)
        draw.line((420, top, 420, top + 115), fill=_INK, width=3)
        draw.text((140, top + 36), f"Entry {row + 1}", fill=_INK, font=ImageFont.load_default(34))
    draw.ellipse((_PAGE[0] - 420, _PAGE[1] - 520, _PAGE[0] - 160, _PAGE[1] - 260), outline="#b02a2a", width=10)
    return page


def _jpeg(picture: Image.Image, comment: str | None) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90, comment=(comment or "").encode("ascii"))
    return buffer.getvalue()
