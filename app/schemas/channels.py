"""Wire shapes of channels."""

from typing import Self

from pydantic import Field

from app.schemas.base import Moment, Told
from app.services.channels.using import Place


class ChannelRead(Told):
    """A channel in which my e-card is used."""

    channel: str
    issue_number: str = Field(description="signNo: a new one whenever the card comes back to a channel")
    since: Moment
    last_used_at: Moment | None = Field(description="When a session of mine there was renewed last")
    is_current: bool = Field(description="Whether this is the channel that asks")

    @classmethod
    def of(cls, place: Place) -> Self:
        return cls(
            channel=place.channel,
            issue_number=place.issue_number,
            since=place.since,
            last_used_at=place.last_used_at,
            is_current=place.is_here,
        )
