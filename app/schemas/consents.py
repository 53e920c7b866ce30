"""Wire shapes of what people have agreed to."""

from typing import Self

from pydantic import Field

from app import texts
from app.models.enrolments import EnrolmentKind, State
from app.schemas.base import Moment, Told
from app.services.enrolments.consequences import Consequence
from app.services.privacy.consents import Given


class WithdrawalRead(Told):
    """What taking a consent back does."""

    what: Consequence
    text: str
    href: str = Field(description="Where it is taken back, by `DELETE`")


class ConsentRead(Told):
    """One consent: the exact text that was shown, for what, and whether it was withdrawn or is over."""

    id: str
    purpose: str = Field(description="`notice` is that of an application; all others are the code of their notice")
    code: str
    version: str
    language: str
    sha256: str
    services: list[str] | None = Field(description="What the member lets the owner do, chosen with the face check")
    given_at: Moment
    withdrawn_at: Moment | None
    enrolment_id: str | None = Field(description="Where it was given in an application")
    kind: EnrolmentKind | None
    state: State | None = Field(description="Of the enrolment")
    member_name: str | None = Field(description="Masked")
    link_id: str | None
    channel: str = Field(description="Where it was given; `handover`: on the member's own phone")
    device: str | None = Field(description="On which of my devices, if I have it still")
    office: str | None = Field(description="At which office it was given, in person and by a card that was read")
    withdrawal: WithdrawalRead | None = Field(description="What taking it back does now; None where nothing is left")

    @classmethod
    def of(cls, given: Given, language: str) -> Self:
        withdrawal = None
        if given.withdrawal is not None:
            what, href = given.withdrawal.what, given.withdrawal.href
            withdrawal = WithdrawalRead(what=what, text=texts.page(f"withdrawal_{what}", language), href=href)
        made = given.application
        return cls(
            id=str(given.id),
            purpose=given.purpose,
            code=given.code,
            version=given.version,
            language=given.language,
            sha256=given.sha256,
            services=None if given.services is None else given.services.split(),
            given_at=given.given_at,
            withdrawn_at=given.withdrawn_at,
            enrolment_id=None if made is None else str(made.id),
            kind=None if made is None else made.kind,
            state=None if made is None else made.state,
            member_name=given.member_name,
            link_id=str(given.link_id) if given.link_id else None,
            channel=given.channel,
            device=given.device,
            office=given.office,
            withdrawal=withdrawal,
        )
