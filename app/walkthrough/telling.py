"""Tells requests and answers so that a person likes to read them: short, in order, without secrets."""

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any, Final, TextIO

JSON = dict[str, Any]

_WIDTH: Final = 110
_LONGEST_TEXT: Final = 90
_LONGEST_LIST: Final = 3
_SECRETS: Final = frozenset(
    {
        "access_token",
        "refresh_token",
        "password",
        "sms_code",
        "spoken_code",
        "token",
        "totp",
        "card_read",
        "owner_card_read",
        "member_card_read",
        "ticket",
        "channel_ticket",
    }
)
_LINK: Final = re.compile(
    r"(?<=#)[A-Za-z0-9_-]{43}|(?<=signature=)[A-Za-z0-9_-]{43}|(?<=secret=)[A-Z2-7]{32}|^[A-Za-z0-9_-]{43}$"
)
_CODE: Final = re.compile(r"[0-9]+$|eyJ")  # by SMS, or to be shown to a terminal
_IDENTITY: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_STYLES: Final = {"title": "1", "words": "", "request": "36", "good": "32", "refused": "33", "wrong": "1;31"}


class Teller:
    """Writes a story to a stream; with colours on a terminal, and in full for who asks for it.

    Unless in full, ids, long texts and secrets are cut, and of an answer only that is shown which has changed since the
    last one about the same thing.
    """

    def __init__(self, out: TextIO, *, has_colours: bool, is_in_full: bool) -> None:
        self._out = out
        self._has_colours = has_colours
        self._is_in_full = is_in_full
        self._chapter = 0
        self._known: dict[str, JSON] = {}

    def chapter(self, title: str) -> None:
        """Begin a new part of the story."""
        self._chapter += 1
        self._write(f"\n{self._chapter}. {title}", "title")

    def words(self, text: str) -> None:
        """Say in plain words what happens next, and why."""
        self._write("\n" + textwrap.fill(text, _WIDTH, initial_indent="   ", subsequent_indent="   "), "words")

    def request(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> None:
        """Show what is asked."""
        line = f"   → {method} {self._cut(path)}"
        for name, value in headers.items():
            line += f"\n     {name}: {value}"
        if isinstance(body, bytes):
            line += f"\n     ({len(body) // 1024} KiB of image)"
        elif body:
            line += "\n     " + self._json(body)
        self._write(line, "request")

    def answer(self, status: int, body: JSON, headers: Mapping[str, str]) -> None:
        """Show what is answered."""
        line = "".join([f"   ← {status}", *(f"\n     {name}: {value}" for name, value in headers.items())])
        if shown := body if self._is_in_full else self._news(body):
            line += ("\n     " if headers else " ") + self._json(shown)
        self._write(line, "good" if status < 400 else "refused")

    def wrong(self, text: str) -> None:
        """Say in one line why the story ends here."""
        self._write(f"\n✗ {text}", "wrong")

    def end(self, text: str) -> None:
        """Say how the story ended."""
        self._write(f"\n✓ {text}", "good")

    def _write(self, text: str, style: str) -> None:
        code = _STYLES[style] if self._has_colours else ""
        self._out.write(f"\x1b[{code}m{text}\x1b[0m\n" if code else f"{text}\n")
        self._out.flush()

    def _news(self, body: JSON) -> JSON:
        """Return what the last answer about the same thing did not say."""
        identity = body.get("id") or body.get("sha256")
        if identity is None:
            return body
        known = self._known.get(identity, {})
        self._known[identity] = body
        return {name: part for name, part in body.items() if name not in known or known[name] != part}

    def _json(self, value: object) -> str:
        return _laid_out(value if self._is_in_full else _shortened(_without_secrets(value)), 5)

    def _cut(self, path: str) -> str:
        return path if self._is_in_full else _without_links(_IDENTITY.sub(r"\1…", path))


def _laid_out(value: object, indent: int) -> str:
    """Write JSON on one line where there is room, else its parts on lines of their own."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH or not isinstance(value, dict | list):
        return line
    space = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{space}{json.dumps(name)}: {_laid_out(part, indent + 2)}" for name, part in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(space + _laid_out(part, indent + 2) for part in value) + "\n" + " " * indent + "]"


def _shortened(value: object) -> object:
    """Cut ids, long texts and long lists, and leave out what is empty."""
    if isinstance(value, dict):
        return {name: _shortened(part) for name, part in value.items() if part is not None and part not in ([], {})}
    if isinstance(value, list):
        more = [f"… and {len(value) - _LONGEST_LIST} more"] if len(value) > _LONGEST_LIST + 1 else []
        return [_shortened(part) for part in (value[:_LONGEST_LIST] if more else value)] + more
    if isinstance(value, str):
        text = _IDENTITY.sub(r"\1…", value)
        return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT].rstrip() + "…"
    return value


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return _without_code({name: _hidden(name, part) for name, part in value.items()}, value.get("code"))
    if isinstance(value, list):
        return [_without_secrets(part) for part in value]
    return value


def _hidden(name: str, value: object) -> object:
    is_secret = name in _SECRETS or (name == "code" and isinstance(value, str) and _CODE.match(value) is not None)
    if is_secret and isinstance(value, str):
        return value[: min(6, len(value) // 3)] + "…"
    if isinstance(value, str):
        return _without_links(value)
    return _without_secrets(value)


def _without_links(text: str) -> str:
    return _LINK.sub(lambda link: link[0][:6] + "…", text)


def _without_code(message: JSON, code: object) -> JSON:
    """Hide the code of a message in its text too."""
    if isinstance(code, str) and code.isdecimal() and isinstance(message.get("text"), str):
        return message | {"text": message["text"].replace(code, message["code"])}
    return message
