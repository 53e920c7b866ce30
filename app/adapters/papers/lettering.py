"""Chooses a font for each piece of a text: the two that every PDF reader knows, and code points for the rest."""

from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import groupby
from typing import Final

LATIN: Final = "Helvetica"
HAN: Final = "STSong-Light"

# Adobe-GB1-4 holds GB 18030-2000: what GBK has, and extension A of the unified ideographs (Adobe Technical Note 5079).
_EXTENSION_A: Final = range(0x3400, 0x4DB6)


def lettered(text: str) -> str:
    """Return a text as markup that names the font of each piece; what neither font has becomes its code point."""
    return "".join(
        f'<font name="{font}">{escape(piece)}</font>' if font is HAN else escape(piece) for font, piece in _pieces(text)
    )


def plain(text: str) -> str:
    """Return a text with code points for what neither font has."""
    return "".join(piece for _, piece in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    signs = ((_font(sign), sign) for sign in text)
    told = ((font or LATIN, sign if font else f"[U+{ord(sign):04X}]") for font, sign in signs)
    for font, group in groupby(told, key=lambda each: each[0]):
        yield font, "".join(sign for _, sign in group)


@cache
def _font(sign: str) -> str | None:
    if not sign.isprintable():
        return None
    if _has(sign, "cp1252"):  # WinAnsiEncoding of the standard fonts (ISO 32000-1, annex D)
        return LATIN
    return HAN if _has(sign, "gbk") or ord(sign) in _EXTENSION_A else None


def _has(sign: str, encoding: str) -> bool:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
