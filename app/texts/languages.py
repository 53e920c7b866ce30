"""Chooses the language of an answer by what the client asks for."""

import re
from functools import lru_cache
from typing import Final

LANGUAGES: Final = ("zh-CN", "en", "es")
DEFAULT_LANGUAGE: Final = LANGUAGES[0]

_BY_PRIMARY_TAG = {language.partition("-")[0].lower(): language for language in LANGUAGES}
# The weight has at most three decimals and is at most 1 (RFC 9110 §12.4.2); the range is RFC 4647 §2.1's.
_WISH = re.compile(
    r"(?P<primary>[a-z]{1,8}|\*)(?:-[a-z0-9]{1,8})*"
    r"(?:[ \t]*;[ \t]*q=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
# Browsers send some tens of characters; what lies beyond is not read, so a huge header costs nothing.
_CHARACTERS_READ = 1000
# People's phones send few different headers, and each is read once.
_CHARACTERS_KEPT = 100


def choose_language(accept_language: str | None) -> str:
    """Return the one of `LANGUAGES` that an `Accept-Language` header prefers (RFC 9110 §12.5.4).

    Matches by the primary tag: `zh-Hans-CN` is zh-CN, `es-MX` is es. Equal weights keep the header's order. No header,
    garbage, and a wish for none of ours give zh-CN: an answer in another language is better than none.
    """
    if accept_language is None:
        return DEFAULT_LANGUAGE
    return _known(accept_language) if len(accept_language) <= _CHARACTERS_KEPT else _choose(accept_language)


def _choose(accept_language: str) -> str:
    weights = _wishes(accept_language)
    anything = weights.pop("*", 0.0)
    by_language = {_BY_PRIMARY_TAG[tag]: weight for tag, weight in weights.items() if tag in _BY_PRIMARY_TAG}
    for language in LANGUAGES:
        by_language.setdefault(language, anything)
    best = max(by_language, key=by_language.__getitem__)
    return best if by_language[best] > 0 else DEFAULT_LANGUAGE


_known = lru_cache(maxsize=500)(_choose)


def _wishes(header: str) -> dict[str, float]:
    """The weight of each primary tag, in the header's order; parts that cannot be read are left out."""
    if len(header) > _CHARACTERS_READ:
        header = header[:_CHARACTERS_READ].rpartition(",")[0]
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        wish = _WISH.fullmatch(part.strip(" \t"))
        if wish is not None:
            tag, weight = wish["primary"], float(wish["weight"] or 1)
            weights[tag] = max(weight, weights.get(tag, 0.0))
    return weights
