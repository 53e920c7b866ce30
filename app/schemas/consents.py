"""Wire shapes of what people have agreed to."""

from typing import Self

from pydantic import Field

from app import texts
from app.models.enrolments import ConsentPurpose, EnrolmentKind, State
from app.schemas.base import Moment, Told
from app.services.enrolments.consents import ConsentView
from app.services.enrolments.consequences import Consequence


class WithdrawalRead(Told):
    """What taking a consent back does."""

    what: Consequence
    text: str


class ConsentRead(Told):
    """One consent: the exact text that was shown, for which enrolment, and whether it was withdrawn."""

    id: str
    purpose: ConsentPurpose
    code: str
    version: str
    language: str
    sha256: str
    services: list[str] | None = Field(description="What the member lets the owner do, chosen with the face check")
    given_at: Moment
    withdrawn_at: Moment | None
    enrolment_id: str
    kind: EnrolmentKind
    state: State = Field(description="Of the enrolment")
    member_name: str | None = Field(description="Masked")
    link_id: str | None
    channel: str = Field(description="Where it was given; `handover`: on the member's own phone")
    device: str | None = Field(description="On which of my devices, if I have it still")
    withdrawal: WithdrawalRead | None = Field(description="What taking it back does now; None where it is done")

    @classmethod
    def of(cls, view: ConsentView, language: str) -> Self:
        consent, what = view.consent, view.consequence
        withdrawal = None
        if what is not None:
            withdrawal = WithdrawalRead(what=what, text=texts.page(f"withdrawal_{what}", language))
        return cls(
            id=str(consent.id),
            purpose=consent.purpose,
            code=consent.notice_code,
            version=consent.notice_version,
            language=consent.language,
            sha256=consent.sha256,
            services=None if consent.services is None else consent.services.split(),
            given_at=consent.given_at,
            withdrawn_at=consent.withdrawn_at,
            enrolment_id=str(consent.enrolment_id),
            kind=view.kind,
            state=view.state,
            member_name=view.member_name,
            link_id=str(view.link_id) if view.link_id else None,
            channel=consent.channel,
            device=view.device,
            withdrawal=withdrawal,
        )
