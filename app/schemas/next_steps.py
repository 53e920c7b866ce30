"""The two shapes of `next`: what to do about something that stands in the way, and the steps that can be taken now."""

from pydantic import Field

from app.schemas.base import Told


class NextRead(Told):
    """What the person can do now, as in a problem; `action` is a word for it, or repeats the reason's code."""

    action: str
    href: str | None
    notice: str | None = Field(default=None, description="The notice that is read and agreed to there")
    text: str


class WayRead(Told):
    """Something that can be done now: `step` is a word for it."""

    step: str
    method: str
    href: str
    templated: bool = Field(
        default=False,
        exclude_if=lambda value: not value,
        description="What stands between braces in `href` is to be replaced, as in RFC 6570",
    )
    notice: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Where the notice is that is to be read first",
    )
