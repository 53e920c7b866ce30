"""What all wire shapes share."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

Item = TypeVar("Item")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # UAX #9 §2: explicit directions


class Asked(BaseModel):
    """A body that a client sends: nothing unknown in it, nothing guessed from other types."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Told(BaseModel):
    """A body that we answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Told, Generic[Item]):
    """Some items and where to go on."""

    items: list[Item]
    next_cursor: str | None = None


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _written(value: object) -> object:
    """Refuse what is no text: a number is no moment."""
    if not isinstance(value, str):
        raise PydanticCustomError("written", "not a text", {"code": "wrong_type"})
    return value


def _thinkable(value: datetime) -> datetime:
    """Refuse the ends of the calendar, which in another zone would lie beyond it."""
    if not 1970 <= value.year < 9999:
        raise PydanticCustomError("thinkable", "before or after everything", {"code": "out_of_range"})
    return value


def one_line(value: str) -> str:
    """Refuse control characters, those that turn the writing round too; pictures, joiners and wide spaces are taken."""
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") or sign in _TURNING for sign in value):
        raise PydanticCustomError("one_line", "control characters", {"code": "bad_characters"})
    return value


def _flat(value: object) -> object:
    """Refuse what is not a small flat object of texts, whole: a fault inside would be named by its sender's own key."""
    if not isinstance(value, dict) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise PydanticCustomError("flat", "not an object of texts", {"code": "wrong_type"})
    if len(value) > 32 or any(len(key) > 64 or len(text) > 8192 for key, text in value.items()):
        raise PydanticCustomError("flat", "too long", {"code": "too_long"})
    if any("\ud800" <= sign <= "\udfff" for pair in value.items() for part in pair for sign in part):
        raise PydanticCustomError("flat", "half a character", {"code": "bad_characters"})
    return value


Moment = Annotated[
    datetime,
    PlainSerializer(_moment, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 with `Z`."""
MomentAsk = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    AfterValidator(_thinkable),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment that a client names, in RFC 3339 with its zone, from 1970 on."""
Short = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(one_line)]
"""A short text of one line."""
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""Six ASCII digits."""
DeviceMeta = Annotated[
    dict[Annotated[str, StringConstraints(max_length=64)], Annotated[str, StringConstraints(max_length=8192)]],
    Field(max_length=32),
    BeforeValidator(_flat),
]
"""What a provider's client part gives, passed on untouched: at most 32 texts."""
