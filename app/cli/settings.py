"""`escard settings`: every setting, its type, its default and what it means."""

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le, MaxLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import NoDecode

from app.cli.configuration import fields
from app.cli.terminal import say, table

app = typer.Typer()

_HEADS = ("setting", "type", "default", "meaning")
_PAGE = """# Settings

Every setting is read from the environment when a command starts; nothing else is. This page is what
`escard settings --markdown` prints.

"""


@app.command("settings")
def list_settings(
    *, markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/settings.md.")] = False
) -> None:
    """List every setting: its name in the environment, its type, its default and what it means."""
    rows = [(name, _kind(field), _default(field), field.description or "") for name, field in fields()]
    say(page(rows) if markdown else table(_HEADS, rows))


def page(rows: list[tuple[str, str, str, str]]) -> str:
    """Return the settings as a page, without the last line's end."""
    lines = [
        f"| {' | '.join(_HEADS)} |",
        "|---" * len(_HEADS) + "|",
        *(
            f"| `{name}` | {kind} | {f'`{default}`' if default else ''} | {words} |"
            for name, kind, default, words in rows
        ),
    ]
    return _PAGE + "\n".join(lines)


def _kind(field: FieldInfo) -> str:
    if NoDecode in field.metadata:
        return "names with commas between"
    bounds = " ".join(filter(None, (_bound(each) for each in field.metadata)))
    return f"{_type(field.annotation)} {bounds}".strip()


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(get_args(annotation))
    if get_origin(annotation) is tuple:
        return "JSON list"
    if get_origin(annotation) is Mapping:
        return "secrets by name"
    if isinstance(annotation, UnionType):
        return " or ".join(_type(each) for each in get_args(annotation) if each is not NoneType)
    if issubclass(annotation, StrEnum):
        return " or ".join(member.value for member in annotation)
    return {Path: "path", SecretStr: "secret", int: "whole number", float: "number", str: "text"}[annotation]


def _bound(constraint: object) -> str:
    match constraint:
        case Ge(ge=least):
            return f"from {least}"
        case Gt(gt=limit):
            return f"over {limit}"
        case Le(le=most):
            return f"to {most}"
        case MaxLen(max_length=most):
            return f"of at most {most} characters"
        case _:
            return ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    if isinstance(field.default, tuple) and field.default:
        names = [str(each) for each in field.default]
        return ",".join(names) if NoDecode in field.metadata else json.dumps(names)
    return str(field.default) if field.default else ""
