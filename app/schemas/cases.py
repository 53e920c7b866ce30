"""Wire shapes of a case, as whoever holds it sees it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from pydantic import Field

from app.core.tokens.addresses import SignedAddress
from app.models.cases import CasePurpose, CaseReason, Finding, Risk, Verdict
from app.models.documents import Agreement
from app.models.enrolments import EnrolmentKind, Guardianship
from app.models.faces import FaceCheck, FaceCheckState
from app.models.links import LinkDisputeReason
from app.ports.certifications import Way
from app.ports.face import FaceMode, FaceReason, ScoreBand
from app.schemas.base import Moment, Told
from app.schemas.family import TERMS
from app.schemas.reviews import HINT
from app.services.reviews.exhibits import Exhibit
from app.services.reviews.reading import (
    Application,
    Attestation,
    Objection,
    Party,
    RegisterFacts,
    ReviewView,
    SeenInPerson,
)
from app.texts import review_finding


class PartyRead(Told):
    """Somebody whom a case is about, masked."""

    name: str
    social_security_number: str
    age: int

    @classmethod
    def of(cls, party: Party) -> Self:
        return cls(name=party.name, social_security_number=party.number, age=party.age)


class SeenInPersonRead(Told):
    """That a clerk has seen the member at a window, and which kinds of documents."""

    documents: list[str]
    office_id: str
    at: Moment

    @classmethod
    def of(cls, seen: SeenInPerson) -> Self:
        return cls(documents=list(seen.documents), office_id=seen.office_id, at=seen.at)


class ApplicationRead(Told):
    """What was applied for; `owner` is who wants to add the member, none for an own card."""

    kind: EnrolmentKind
    owner: PartyRead | None
    relationship: str | None
    relationship_name: str | None
    guardianship: Guardianship | None
    seen_in_person: SeenInPersonRead | None

    @classmethod
    def of(cls, application: Application, language: str) -> Self:
        code = application.relationship
        return cls(
            kind=application.kind,
            owner=application.owner and PartyRead.of(application.owner),
            relationship=code,
            relationship_name=None if code is None else TERMS[language][code],
            guardianship=application.guardianship,
            seen_in_person=application.seen_in_person and SeenInPersonRead.of(application.seen_in_person),
        )


class ObjectionRead(Told):
    """Why a member objects to a link; to approve it ends the link, and so does time, at `lapses_at`."""

    owner: PartyRead
    relationship: str = Field(description="What the member is to the owner, GB/T 4761")
    relationship_name: str
    since: Moment
    reason: LinkDisputeReason
    lapses_at: Moment

    @classmethod
    def of(cls, objection: Objection, language: str) -> Self:
        return cls(
            owner=PartyRead.of(objection.owner),
            relationship=objection.relationship,
            relationship_name=TERMS[language][objection.relationship],
            since=objection.since,
            reason=objection.reason,
            lapses_at=objection.lapses_at,
        )


class RegisterFactsRead(Told):
    """What the register says now."""

    is_known: bool
    is_alive: bool
    name_matches: bool
    has_card_in_use: bool
    owner_is_parent_or_guardian: bool | None

    @classmethod
    def of(cls, facts: RegisterFacts) -> Self:
        return cls(
            is_known=facts.is_known,
            is_alive=facts.is_alive,
            name_matches=facts.name_matches,
            has_card_in_use=facts.has_card_in_use,
            owner_is_parent_or_guardian=facts.owner_is_parent_or_guardian,
        )


class CheckSeenRead(Told):
    """How a face check went; the score is a band."""

    mode: FaceMode
    state: FaceCheckState
    reason: FaceReason | None
    score_band: ScoreBand | None
    started_at: Moment

    @classmethod
    def of(cls, check: FaceCheck) -> Self:
        return cls(
            mode=check.mode,
            state=FaceCheckState.STARTED if check.state is FaceCheckState.STARTING else check.state,
            reason=check.reason,
            score_band=None if check.score_band is None else ScoreBand(check.score_band),
            started_at=check.started_at,
        )


class ChoiceRead(Told):
    """Something that can be decided, and why; `text` is what the owner reads."""

    decision: Verdict
    reason: Finding
    text: str


class ExhibitRead(Told):
    """A picture; `href` shows it to this session for a minute, with who looks and when written across it."""

    kind: str = Field(description="A kind of document, or `face_frame`")
    page: int
    name_reading: Agreement | None = Field(
        description="How the name that a machine read on it agrees with the member's"
    )
    number_reading: Agreement | None = Field(description="The same of the number")
    href: str
    expires_at: Moment

    @classmethod
    def of(cls, exhibit: Exhibit, address: SignedAddress) -> Self:
        return cls(
            kind=exhibit.kind,
            page=exhibit.page,
            name_reading=exhibit.name_reading,
            number_reading=exhibit.number_reading,
            href=f"{address.path}?until={address.until}&signature={address.signature}",
            expires_at=datetime.fromtimestamp(address.until, UTC),
        )


class AttestationRead(Told):
    """A certification of benefits: the way that was asked for, and where a home visit is wanted."""

    way: Way
    address: str | None

    @classmethod
    def of(cls, attestation: Attestation) -> Self:
        return cls(way=attestation.way, address=attestation.address)


class CaseRead(Told):
    """A case as whoever holds it sees it."""

    id: str
    purpose: CasePurpose
    reason: CaseReason
    risks: list[Risk]
    opened_at: Moment
    due_at: Moment
    is_overdue: bool
    face_hint: ScoreBand | None = HINT
    reviewers_needed: int
    approvals: int
    claimed_until: Moment | None
    member: PartyRead
    application: ApplicationRead | None
    certification: AttestationRead | None
    dispute: ObjectionRead | None
    register_says: RegisterFactsRead
    face_checks: list[CheckSeenRead]
    exhibits: list[ExhibitRead]
    choices: list[ChoiceRead]

    @classmethod
    def of(cls, view: ReviewView, language: str, address_of: Callable[[str], SignedAddress]) -> Self:
        case = view.case
        return cls(
            id=str(case.id),
            purpose=case.purpose,
            reason=case.reason,
            risks=[Risk(risk) for risk in case.risks.split()],
            opened_at=case.opened_at,
            due_at=case.due_at,
            is_overdue=view.is_overdue,
            face_hint=case.face_hint,
            reviewers_needed=case.reviewers_needed,
            approvals=view.approvals,
            claimed_until=case.claimed_until,
            member=PartyRead.of(view.member),
            application=view.application and ApplicationRead.of(view.application, language),
            certification=view.certification and AttestationRead.of(view.certification),
            dispute=view.dispute and ObjectionRead.of(view.dispute, language),
            register_says=RegisterFactsRead.of(view.register),
            face_checks=[CheckSeenRead.of(check) for check in view.checks],
            exhibits=[
                ExhibitRead.of(exhibit, address_of(f"/v1/reviews/{case.id}/exhibits/{exhibit.id}"))
                for exhibit in view.exhibits
            ],
            choices=[
                ChoiceRead(decision=verdict, reason=finding, text=review_finding(finding.value, language))
                for verdict, finding in view.choices
            ],
        )
