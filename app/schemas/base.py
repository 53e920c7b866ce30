"""What all wire shapes share."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints

Item = TypeVar("Item")


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


def _no_nul(value: str) -> str:
    if "\x00" in value or not value.isprintable():
        raise ValueError("control characters")
    return value


Moment = Annotated[datetime, PlainSerializer(_moment, return_type=str, when_used="json")]
"""RFC 3339 with `Z`."""
Short = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_no_nul)]
"""A short text of one line."""
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""Six ASCII digits."""
