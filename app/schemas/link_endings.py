"""Wire shapes of ending links without an account."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from app.models.links import LinkEnding
from app.models.sharing import SharingState
from app.schemas.base import Asked, Code, Moment, Told
from app.schemas.family import holder_is
from app.services.family.leaving import Held, Left


class LinkEndingAsk(Asked):
    """Who I am, by name and number; no phone: the code goes to the one that the register holds."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    social_security_number: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class LinkEndingRead(Told):
    """The same for everybody: where to send the code, if one comes, and until when."""

    id: str
    tries_left: int
    expires_at: Moment

    @classmethod
    def of(cls, ending: LinkEnding) -> Self:
        return cls(id=str(ending.id), tries_left=ending.tries_left, expires_at=ending.expires_at)


class LinkEndingCodeAsk(Asked):
    """The code that came by SMS: it shows who acts for me and shares with me; what `…_ids` name ends."""

    sms_code: Code
    link_ids: Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=64)] = Field(
        default_factory=list
    )
    binding_ids: Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=64)] = Field(
        default_factory=list
    )


class HeldSharingRead(Told):
    """Somebody who shares a medical account with me, or wants to, masked."""

    binding_id: str
    owner_name: str
    relationship: str = Field(description="What I am to them, GB/T 4761")
    relationship_text: str = Field(description="What I am to them, in words: 王**'s mother")
    since: Moment
    state: SharingState


class HeldLinkRead(Told):
    """Somebody who acts for me, masked."""

    link_id: str
    owner_name: str
    relationship: str = Field(description="What I am to them, GB/T 4761")
    relationship_text: str = Field(description="What I am to them, in words: 王**'s mother")
    since: Moment
    state: Literal["active", "frozen", "ended"]


class HeldLinksRead(Told):
    """All of them, and those that were ended now."""

    items: list[HeldLinkRead]

    @classmethod
    def of(cls, found: Sequence[Held], language: str) -> Self:
        return cls(
            items=[
                HeldLinkRead(
                    link_id=str(held.link_id),
                    owner_name=held.owner_name,
                    relationship=held.relationship,
                    relationship_text=holder_is(held.relationship, held.owner_name, language),
                    since=held.since,
                    state=held.state.value,
                )
                for held in found
            ]
        )


class LeftRead(HeldLinksRead):
    """The same, and who shares a medical account with me."""

    sharing: list[HeldSharingRead]

    @classmethod
    def of_code(cls, found: Left, language: str) -> Self:
        return cls(
            items=HeldLinksRead.of(found.links, language).items,
            sharing=[
                HeldSharingRead(
                    binding_id=str(each.id),
                    owner_name=each.owner_name,
                    relationship=each.relationship,
                    relationship_text=holder_is(each.relationship, each.owner_name, language),
                    since=each.since,
                    state=each.state,
                )
                for each in found.sharing
            ],
        )
