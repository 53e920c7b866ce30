"""What every rule has: since when it holds."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class Rule(BaseModel):
    """`since` is the first day of the row that a rule comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date | None = Field(default=None, exclude=True)
