"""Wire shapes of what was done for somebody."""

from typing import Self

from pydantic import Field

from app import texts
from app.schemas.base import Moment, Told
from app.schemas.family import holder_is
from app.services.family.activity import By, Deed, Who


class WhoRead(Told):
    """Who did it; `text` says it in words."""

    by: By
    text: str
    name: str | None = Field(description="Of an owner, masked")
    relationship: str | None = Field(description="What the holder is to that owner, GB/T 4761")
    relationship_text: str | None = Field(description="What the holder is to that owner, in words: 王**'s mother")
    office: str | None = Field(description="Where the staff work")

    @classmethod
    def of(cls, who: Who, language: str) -> Self:
        return cls(
            by=who.by,
            text=_text(who, language),
            name=who.name,
            relationship=who.relationship,
            relationship_text=_holder_is(who, language),
            office=who.office,
        )


class DeedRead(Told):
    """One thing that was done, in plain words."""

    at: Moment
    action: str = Field(description="A code for programs; new ones come")
    text: str
    actor: WhoRead
    for_member: str | None = Field(description="Whom the holder did it for, masked, where that was somebody else")
    channel: str | None = Field(description="By which channel it was asked for")
    platform: str | None = Field(description="On which kind of device")

    @classmethod
    def of(cls, deed: Deed, language: str) -> Self:
        return cls(
            at=deed.at,
            action=deed.action,
            text=texts.activity(deed.action.replace(".", "_"), language),
            actor=WhoRead.of(deed.who, language),
            for_member=deed.for_member,
            channel=deed.channel,
            platform=deed.platform,
        )


def _holder_is(who: Who, language: str) -> str | None:
    if who.relationship is None or who.name is None:
        return None
    return holder_is(who.relationship, who.name, language)


def _text(who: Who, language: str) -> str:
    if who.by is By.OWNER and who.name is not None:
        return who.name
    is_unnamed = who.by is By.OWNER or (who.by is By.STAFF and who.office is None)
    return texts.activity(f"by_{By.SOMEBODY if is_unnamed else who.by}", language, office=who.office or "")
