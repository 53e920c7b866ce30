"""People's names: one written form for every way of typing them, compared and masked alike.

Nobody is refused for a rare character: all of Han is taken, the planes not yet full included, and so are the private
code points under which registers keep characters that Unicode had not coded.
"""

import re
import unicodedata
from enum import StrEnum

MAX_CHARACTERS = 50


class NameFault(StrEnum):
    """Why a name is none."""

    EMPTY = "empty"
    BAD_CHARACTERS = "bad_characters"
    TOO_LONG = "too_long"


class NameNotValid(ValueError):
    """No name; the message never carries what was typed."""

    def __init__(self, reason: NameFault) -> None:
        super().__init__(reason.value)
        self.reason = reason


def _private_gbk() -> dict[int, str]:
    """Return the 80 characters that GBK keeps in private use (U+E815 to U+E864), as Unicode codes them now.

    They are the bytes FE50 to FEA0 without FE7F. The codec follows GB 18030-2005, which knew all but these 14; GB
    18030-2022 lists the rest. The best known is 䶮: U+4DAE, and U+E863 in older registers.
    """
    moved = {
        0xE815 + index: bytes((0xFE, trail)).decode("gb18030")
        for index, trail in enumerate((*range(0x50, 0x7F), *range(0x80, 0xA1)))
    }
    coded_later = {0xE816: 0x20087, 0xE817: 0x20089, 0xE818: 0x200CC, 0xE831: 0x215D7, 0xE83B: 0x2298F, 0xE855: 0x241FE}
    coded_later |= {0xE81E: 0x9FB4, 0xE826: 0x9FB5, 0xE82B: 0x9FB6, 0xE82C: 0x9FB7, 0xE832: 0x9FB8, 0xE843: 0x9FB9}
    coded_later |= {0xE854: 0x9FBA, 0xE864: 0x9FBB}
    return moved | {private: chr(code_point) for private, code_point in coded_later.items()}


# Everything that keyboards, registers and printers use for the dot of a minority name, for ' and for -.
_DOTS = "\u00b7\u0387\u2022\u2027\u2219\u22c5\u2e31\u2e33\u30fb\uff0e\uff65"
_APOSTROPHES = "'\u02bc\u2018\u2019\u2032"
_HYPHENS = "-\u2010\u2011\u2012\u2013\u2212"
_ONE_FORM = (
    dict.fromkeys(map(ord, _DOTS), "·")
    | dict.fromkeys(map(ord, _APOSTROPHES), "'")
    | dict.fromkeys(map(ord, _HYPHENS), "-")
    | _private_gbk()
)

# Ranges, not `unicodedata`: Python 3.11 does not know extensions H and I. 〇, A, the basic block, private use,
# compatibility, all of planes 2 and 3 (B to J and those to come), and private use again in plane 15.
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\uf900-\ufaff\U00020000-\U0003fffd\U000f0000-\U000ffffd"
_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_ACCENTS = "\u0300-\u036f"
_VARIATION_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SEPARATORS = " ·'-"

_CHARACTER = re.compile(rf"[{_HAN}][{_VARIATION_SELECTORS}]?|[{_LATIN}][{_ACCENTS}]{{0,2}}|[{_SEPARATORS}]")
_PLAIN = re.compile(r"[\u4e00-\u9fff]{2,}")
_SELECTOR = re.compile(rf"[{_VARIATION_SELECTORS}]")
_STOP_IN_HAN = re.compile(rf"(?<=[{_HAN}{_VARIATION_SELECTORS}]) ?\. ?(?=[{_HAN}])")
_SPACE_IN_HAN = re.compile(rf"(?<=[{_HAN}{_VARIATION_SELECTORS}]) (?=[{_HAN}])")
_DOT_AND_SPACES = re.compile(r" ?·[ ·]*")
_SPACES = re.compile(r" +")


def normalise_name(raw: str) -> str:
    """Return a name's one written form; doing it twice changes nothing.

    NFKC; every dot is U+00B7, a full stop between Han characters too; no space beside a dot or between Han characters
    (people type one to align names), one between other words, none around.
    """
    name = unicodedata.normalize("NFKC", raw.translate(_ONE_FORM)).translate(_ONE_FORM)
    # Runs of spaces go first, so that a text of nothing else costs the patterns below no more than any other.
    name = _SPACES.sub(" ", name).strip()
    name = _STOP_IN_HAN.sub("·", name)
    name = _DOT_AND_SPACES.sub("·", name)
    return _SPACE_IN_HAN.sub("", name)


def parse_name(raw: str) -> str:
    """Return a name's one written form, once it is a name.

    1 to 50 characters, a character with its variation selector or accents being one: Han, Latin letters, the dot,
    space, hyphen and apostrophe.

    Raises:
        NameNotValid: it is none, by its `reason`.
    """
    name = normalise_name(raw)
    if not name.strip(_SEPARATORS):
        raise NameNotValid(NameFault.EMPTY)
    characters = _characters(name)
    if "".join(characters) != name:
        raise NameNotValid(NameFault.BAD_CHARACTERS)
    if len(characters) > MAX_CHARACTERS:
        raise NameNotValid(NameFault.TOO_LONG)
    return name


def same_name(one: str, other: str) -> bool:
    """Say whether two names are one: written alike, whatever the dots, the case and the glyph variants."""
    return compared(one) == compared(other)


def mask_name(name: str) -> str:
    """Show the first character and the shape: `王*`, `阿***·***`, `J*** *****`. A single character is hidden too."""
    if _PLAIN.fullmatch(name):  # nearly all names are, and a family page masks a dozen
        return name[0] + "*" * (len(name) - 1)
    shape = [character if character in _SEPARATORS else "*" for character in _characters(name)]
    if len(shape) > 1:
        shape[0] = name[0]
    return "".join(shape) or "*"


def _characters(name: str) -> list[str]:
    """Split a name into what people count as its characters, leaving out what no name holds."""
    return [match.group() for match in _CHARACTER.finditer(name)]


def compared(name: str) -> str:
    """Return the form in which two ways of writing one name are the same."""
    return _SELECTOR.sub("", normalise_name(name)).casefold()
