"""Every text a person reads, in every language: what a refusal says, hints beside fields, messages, notices.

The words are data, read once: a TOML file for each kind of text in a folder of each language, and `notices/`. A text is
chosen by a code and never holds what somebody typed; only messages have values (a code, minutes or a masked name), and
the family page numbers.
"""

import string
from collections.abc import Mapping

from app.texts.languages import DEFAULT_LANGUAGE, LANGUAGES, choose_language
from app.texts.notices import NOTICE_CODES, Notice, notice, notice_versions
from app.texts.words import ProblemText, ServiceText, words

__all__ = [
    "DEFAULT_LANGUAGE",
    "LANGUAGES",
    "NOTICE_CODES",
    "Notice",
    "ProblemText",
    "ServiceText",
    "activity",
    "activity_codes",
    "choose_language",
    "closing",
    "face_reason",
    "face_reasons",
    "family",
    "family_codes",
    "field_codes",
    "field_error",
    "filing",
    "filings",
    "handover",
    "insurance",
    "message",
    "message_kinds",
    "message_places",
    "my_data",
    "notice",
    "notice_versions",
    "page",
    "problem",
    "problem_codes",
    "relationship_rule",
    "relationship_rules",
    "review_finding",
    "review_findings",
    "service",
    "services",
]


def problem(code: str, language: str) -> ProblemText:
    """Return the words for a problem code.

    Raises:
        KeyError: no such code or language.
    """
    return words(language).problems[code]


def problem_codes() -> tuple[str, ...]:
    """Return every problem code that has words, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).problems)


def face_reason(reason: str, language: str) -> str:
    """Return one sentence for how a face check ended: what happened and what to do.

    Raises:
        KeyError: no such reason or language.
    """
    return words(language).face_reasons[reason]


def face_reasons() -> tuple[str, ...]:
    """Return every face reason that has words, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).face_reasons)


def field_error(code: str, language: str) -> str:
    """Return one sentence for a wrong field: how to mend it.

    Raises:
        KeyError: no such code or language.
    """
    return words(language).fields[code]


def field_codes() -> tuple[str, ...]:
    """Return every field error code that has words, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).fields)


def filing(kind: str, code: str, language: str) -> str:
    """Return one sentence about a filing: of a kind (`transfer_states`, `transfer_reasons` and so on), for a code.

    Raises:
        KeyError: no such kind, code or language.
    """
    return words(language).filings[kind][code]


def filings() -> Mapping[str, tuple[str, ...]]:
    """Return the codes that have words, for each kind of sentence about filings."""
    return {kind: tuple(found) for kind, found in words(DEFAULT_LANGUAGE).filings.items()}


def page(code: str, language: str) -> str:
    """Return a sentence that a browser shows.

    Raises:
        KeyError: no such sentence or language.
    """
    return words(language).pages[code]


def review_finding(finding: str, language: str) -> str:
    """Return one sentence for what reviewers found: what it is and, where it is no yes, what to do.

    Raises:
        KeyError: no such finding or language.
    """
    return words(language).reviews[finding]


def review_findings() -> tuple[str, ...]:
    """Return every finding that has words, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).reviews)


def relationship_rule(code: str, language: str) -> str:
    """Return one sentence for what must fit for a relationship, said to the owner.

    Raises:
        KeyError: no such rule or language.
    """
    return words(language).relationships[code]


def relationship_rules() -> tuple[str, ...]:
    """Return every rule of relationships that has words, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).relationships)


def message(kind: str, language: str, /, **values: str) -> str:
    """Return the text of a message to a phone; `values` fill its places and are never read as places themselves.

    Raises:
        KeyError: no such kind or language, or a value is missing.
    """
    return words(language).messages[kind].format_map(values)


def message_places(kind: str) -> frozenset[str]:
    """Return the places that a message has for values, the same in every language.

    Raises:
        KeyError: no such kind.
    """
    text = words(DEFAULT_LANGUAGE).messages[kind]
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def message_kinds() -> tuple[str, ...]:
    """Return every kind of message, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).messages)


def handover(language: str) -> Mapping[str, str]:
    """Return every text of the page on which a member opens a handover, by its place there.

    Raises:
        KeyError: no such language.
    """
    return words(language).handover


def closing(language: str) -> Mapping[str, str]:
    """Return what is said about closing an account, by what it is about: effects, what is erased, what is kept.

    Raises:
        KeyError: no such language.
    """
    return words(language).closing


def insurance(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return the words about insurances by what they name: `insurances`, `schemes`, `benefits`, `statement` and so on.

    Raises:
        KeyError: no such language.
    """
    return words(language).insurance


def my_data(language: str) -> Mapping[str, str]:
    """Return every text of the paper of what is held on a person, by its place there.

    Raises:
        KeyError: no such language.
    """
    return words(language).my_data


def service(name: str, language: str) -> ServiceText:
    """Return the words for one thing that a family link may let the owner do.

    Raises:
        KeyError: no such service or language.
    """
    return words(language).services[name]


def services() -> tuple[str, ...]:
    """Return every service that has words, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).services)


def family(code: str, language: str, **values: str) -> str:
    """Return a sentence of the family page: its quota, or what changes with a member's age, said to one side.

    Raises:
        KeyError: no such sentence or language, or a value is missing.
    """
    return words(language).family[code].format_map(values)


def family_codes() -> tuple[str, ...]:
    """Return every sentence of the family page, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).family)


def activity(code: str, language: str, **values: str) -> str:
    """Return one sentence for something that was done, or the words for who did it.

    Raises:
        KeyError: no such language, or a value is missing.
    """
    known = words(language).activity
    return known.get(code, known["something"]).format_map(values)


def activity_codes() -> tuple[str, ...]:
    """Return everything that has words when it was done, and everybody who can have done it, in alphabetical order."""
    return tuple(words(DEFAULT_LANGUAGE).activity)
