"""The words of one language, as its files have them; read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from app.texts.languages import LANGUAGES


@dataclass(frozen=True, slots=True)
class ProblemText:
    """What a refusal says: a title, what happened, and what the person can do now."""

    title: str
    detail: str
    next: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceText:
    """What a family link may let the owner do: a title, and what it means for the member."""

    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class Words:
    """Every text of a language but the notices, by what it is about."""

    problems: Mapping[str, ProblemText]
    face_reasons: Mapping[str, str]
    messages: Mapping[str, str]
    fields: Mapping[str, str]
    filings: Mapping[str, Mapping[str, str]]
    pages: Mapping[str, str]
    reviews: Mapping[str, str]
    relationships: Mapping[str, str]
    handover: Mapping[str, str]
    my_data: Mapping[str, str]
    closing: Mapping[str, str]
    insurance: Mapping[str, Mapping[str, str]]
    services: Mapping[str, ServiceText]
    family: Mapping[str, str]
    activity: Mapping[str, str]


@cache
def words(language: str) -> Words:
    """Return the words of a language.

    Raises:
        KeyError: no such language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    problems = _read(language, "problems")
    reasons = problems.pop("face_reasons")
    return Words(
        problems={code: ProblemText(**words) for code, words in problems.items()},
        face_reasons=reasons,
        messages=_read(language, "messages"),
        fields=_read(language, "fields"),
        filings=_read(language, "filings"),
        pages=_read(language, "pages"),
        reviews=_read(language, "reviews"),
        relationships=_read(language, "relationships"),
        handover=_read(language, "handover"),
        my_data=_read(language, "my_data"),
        closing=_read(language, "closing"),
        insurance=_read(language, "insurance"),
        services={name: ServiceText(**words) for name, words in _read(language, "services").items()},
        family=_read(language, "family"),
        activity=_read(language, "activity"),
    )


def _read(language: str, name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / language / f"{name}.toml").read_text(encoding="utf-8"))
