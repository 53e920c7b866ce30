"""Wire shapes of the certification of benefits."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints

from app import texts
from app.models.certifications import Certification, CertificationState, Standing
from app.ports.certifications import Benefit, CertifiedKind, PaymentState, Way
from app.schemas.base import Asked, DeviceMeta, Moment, Short, Told
from app.schemas.enrolments import NoticeShown
from app.schemas.faces import FaceCheckRead
from app.schemas.next_steps import WayRead
from app.services.certifications.asking import Wish
from app.services.certifications.reading import CertificationView, CertifyStep, Overview

STEPS: Final = (
    "certify",
    "face-check",
    "see-certification",
    "see-certifications",
    "see-offices",
    "take-back",
    "wait-for-authority",
    "wait-for-review",
)
"""All that `next` of a certification can name."""


Address = Annotated[Short, StringConstraints(min_length=5, max_length=128)]


class CertificationAsk(Asked):
    """How somebody is to be certified: a face takes the consent that was shown, a home visit an address."""

    way: Literal["face", "counter", "home_visit"] = "face"
    consent: NoticeShown | None = None
    address: Address | None = None
    device_meta: DeviceMeta = Field(default_factory=dict)

    def wish(self) -> Wish:
        consent = None if self.consent is None else self.consent.shown()
        return Wish(Way(self.way), consent, self.address, self.device_meta)


class CertifyStepRead(WayRead):
    """Something that can be done now; `way` is to be said with it."""

    step: str = Field(json_schema_extra={"enum": list(STEPS)})
    way: Way | None = Field(default=None, exclude_if=lambda value: value is None)
    way_text: str | None = Field(default=None, exclude_if=lambda value: value is None, description="The way in words")

    @classmethod
    def of(cls, step: CertifyStep, language: str) -> Self:
        return cls(
            step=step.step,
            method=step.method,
            href=step.href,
            way=step.way,
            way_text=None if step.way is None else texts.page(f"certify_{step.way.value}", language),
            notice=step.notice,
        )


class CertifiedBenefitRead(Told):
    """A benefit that needs a certification, and how it is paid; `back_paid` is in CNY."""

    kind: CertifiedKind
    payment: PaymentState
    suspended_since: date | None
    restored_on: date | None
    back_paid: Decimal | None
    back_paid_months: int | None

    @classmethod
    def of(cls, benefit: Benefit) -> Self:
        return cls(
            kind=benefit.kind,
            payment=benefit.payment,
            suspended_since=benefit.suspended_since,
            restored_on=benefit.restored_on,
            back_paid=benefit.back_paid,
            back_paid_months=benefit.back_paid_months,
        )


class CertificationItemRead(Told):
    """One certification; `reported_at` is when the authority confirmed it."""

    id: str
    way: Way
    state: CertificationState
    reason: str | None
    reason_text: str | None = Field(description="The reason in words, in the language asked for")
    certified_on: date | None
    valid_until: date | None
    reported_at: Moment | None
    is_face_reused: bool = Field(description="A live face that had passed shortly before was enough")
    created_at: Moment

    @classmethod
    def of(cls, certification: Certification, language: str) -> Self:
        return cls(
            id=str(certification.id),
            way=certification.way,
            state=certification.state,
            reason=certification.reason,
            reason_text=None if certification.reason is None else _words(certification.reason, language),
            certified_on=certification.certified_on,
            valid_until=certification.valid_until,
            reported_at=certification.reported_at,
            is_face_reused=certification.is_face_reused,
            created_at=certification.created_at,
        )


class CertificationRead(CertificationItemRead):
    """One certification, with its face check if I have started it."""

    version: int
    face_check: FaceCheckRead | None
    next: list[CertifyStepRead]

    @classmethod
    def shaped(cls, view: CertificationView, check: FaceCheckRead | None, language: str) -> Self:
        return cls(
            **CertificationItemRead.of(view.certification, language).model_dump(),
            version=view.certification.version,
            face_check=check,
            next=[CertifyStepRead.of(step, language) for step in view.next],
        )


class CertificationsRead(Told):
    """Where somebody stands with the certification of their benefits, and their certifications, the newest first."""

    state: Standing
    benefits: list[CertifiedBenefitRead] = Field(description="What needs a certification; of most people nothing")
    certified_on: date | None
    way: Way | None
    due_on: date | None = Field(description="The last day on which the next certification is in time")
    as_of: Moment = Field(description="When the authority was asked last")
    is_current: bool = Field(description="False where the authority does not answer now")
    next: list[CertifyStepRead]
    items: list[CertificationItemRead]
    next_cursor: str | None = None

    @classmethod
    def of(cls, found: Overview, next_cursor: str | None, most: int, language: str) -> Self:
        return cls(
            state=found.state,
            benefits=[CertifiedBenefitRead.of(benefit) for benefit in found.benefits],
            certified_on=found.certified_on,
            way=found.way,
            due_on=found.due_on,
            as_of=found.as_of,
            is_current=found.is_current,
            next=[CertifyStepRead.of(step, language) for step in found.next],
            items=[CertificationItemRead.of(each, language) for each in found.items[:most]],
            next_cursor=next_cursor,
        )


def _words(reason: str, language: str) -> str:
    """Return the words for why a certification did not pass: a face's, people's, or the authority's."""
    if reason in texts.review_findings():
        return texts.review_finding(reason, language)
    if reason in texts.face_reasons():
        return texts.face_reason(reason, language)
    return texts.page(f"certification_{reason}", language)
