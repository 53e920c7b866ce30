"""An enrolment as its owner reads it: where it stands, what is still asked for, what to do next."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.core.clock import today
from app.core.db import Session
from app.models.cases import Finding
from app.models.consents import ConsentPurpose
from app.models.documents import DocumentKind
from app.models.enrolments import Enrolment, EnrolmentKind, State
from app.models.people import Proof
from app.ports.face import COUNTED, FaceMode, FaceReason
from app.services import cases, documents, notices
from app.services.accounts.sessions import Caller
from app.services.enrolments import finishing, loading, reading, requirements
from app.services.enrolments.loading import Named
from app.services.enrolments.reading import Advice
from app.services.enrolments.requirements import Requirement
from app.services.faces import tries
from app.services.handovers import rows as handovers
from app.services.handovers.rows import Progress
from app.services.people import homes
from app.services.people.ages import age_on
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name

_ANOTHER_PHOTO = COUNTED | {FaceReason.CAPTURE_QUALITY, FaceReason.FACE_NOT_WHOLE}
"""After these the same photo would fail again."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done now, and how; `notice` is where the text is that it takes to have read."""

    step: str
    method: str
    href: str
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class MemberView:
    """Whom it is about, masked."""

    name: str
    number: str = field(repr=False)
    age: int
    relationship: str | None


@dataclass(frozen=True, slots=True)
class FaceView:
    """The face step: how it is done, what is left, what the last try said."""

    mode: FaceMode
    tries_left: int
    last_reason: FaceReason | None


@dataclass(frozen=True, slots=True)
class ReviewView:
    """Why people look at it, and by when."""

    reason: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """All of it."""

    id: UUID
    kind: EnrolmentKind
    state: State
    version: int
    member: MemberView | None
    requirements: tuple[Requirement, ...]
    face: FaceView | None
    handover: Progress | None
    advice: tuple[Advice, ...]
    consents: tuple[ConsentPurpose, ...]
    waiting_for: str | None
    review: ReviewView | None
    next: tuple[Step, ...]
    rejection: str | None
    asked_for: Finding | None
    link_id: UUID | None
    proof: Proof | None
    expires_at: datetime

    def asks_for(self, kind: DocumentKind) -> bool:
        """Say whether `next` names this very document: one that it takes to go on."""
        href = f"/v1/enrolments/{self.id}/documents/{kind.value}"
        return any((step.method, step.href) == ("PUT", href) for step in self.next)


async def read(session: Session, caller: Caller, enrolment_id: UUID) -> EnrolmentView:
    """Return one of the caller's enrolments; one whose time is over ends here at the latest.

    Raises:
        NotFound: it is not the caller's.
    """
    enrolment = await loading.of_caller(session, caller, enrolment_id)
    if loading.is_overdue(session, enrolment):
        await finishing.expire(session, enrolment)
    await requirements.catch_up(session, enrolment)
    return await view(session, enrolment)


async def list_open(session: Session, caller: Caller) -> Sequence[EnrolmentView]:
    """Return the caller's open enrolments, the newest first."""
    found = await loading.open_of(session, caller)
    for enrolment in found:
        await requirements.catch_up(session, enrolment)
    return [await view(session, enrolment) for enrolment in found]


async def view(session: Session, enrolment: Enrolment) -> EnrolmentView:
    """Return what the owner reads of an enrolment."""
    await session.flush()
    member = await loading.named(session, enrolment)
    given = await loading.consents(session, enrolment)
    asked = await _requirements(session, enrolment, member, given.keys())
    face = await _face(session, enrolment, member)
    return EnrolmentView(
        id=enrolment.id,
        kind=enrolment.kind,
        state=enrolment.state,
        version=enrolment.version,
        member=_member(session, member),
        requirements=asked,
        face=face,
        handover=await handovers.progress(session, enrolment) if _can_be_handed_over(enrolment, face) else None,
        advice=await reading.advice(session, enrolment.home_id, enrolment.id) if enrolment.is_open else (),
        consents=tuple(sorted(given)),
        waiting_for="owners-at-limit" if enrolment.awaits_slot else None,
        review=await _review(session, enrolment),
        next=_next(enrolment, asked, face, given.keys()) + await _offices(session, enrolment),
        rejection=enrolment.rejection,
        asked_for=None if enrolment.asked_for is None else Finding(enrolment.asked_for),
        link_id=enrolment.link_id if enrolment.state is State.ACTIVE else None,
        proof=enrolment.proof,
        expires_at=enrolment.expires_at,
    )


def _member(session: Session, member: Named | None) -> MemberView | None:
    if member is None:
        return None
    age = age_on(member.birth_date, today(session.now))
    return MemberView(mask_name(member.name), mask_number(member.number), age, member.relationship)


async def _requirements(
    session: Session, enrolment: Enrolment, member: Named | None, given: AbstractSet[ConsentPurpose]
) -> tuple[Requirement, ...]:
    if member is None or not enrolment.is_open:
        return ()
    attached = await documents.attached(session, enrolment.home_id, enrolment.id)
    return await requirements.of_documents(
        session, enrolment, birth_date=member.birth_date, attached=attached, given=given
    )


async def _face(session: Session, enrolment: Enrolment, member: Named | None) -> FaceView | None:
    if member is None:
        return None
    return FaceView(
        mode=await requirements.face_mode(session, member.birth_date),
        tries_left=await tries.left(session, enrolment.home_id, member.id),
        last_reason=enrolment.last_face_reason,
    )


async def _review(session: Session, enrolment: Enrolment) -> ReviewView | None:
    if enrolment.state is not State.IN_REVIEW:
        return None
    case = await cases.open_for(session, enrolment.home_id, enrolment.id)
    return ReviewView(case.reason.value, case.due_at) if case is not None else None


async def _offices(session: Session, enrolment: Enrolment) -> tuple[Step, ...]:
    """Return where somebody can go whose enrolment was rejected: a face, and a picture of it, is never the only way."""
    if enrolment.state is not State.REJECTED or enrolment.member_id is None:
        return ()
    region = (await homes.person(session, enrolment.member_id)).region
    return (Step("see-offices", "GET", f"/v1/offices?region={region}"),)


def _next(
    enrolment: Enrolment, asked: Sequence[Requirement], face: FaceView | None, given: AbstractSet[ConsentPurpose]
) -> tuple[Step, ...]:
    here = f"/v1/enrolments/{enrolment.id}"
    if enrolment.state is State.NOTICE_PENDING:
        return (Step("notice", "PUT", f"{here}/notice-acknowledgement", notices.address(enrolment.notice)),)
    if enrolment.state in _ONE_WAY:
        step, method, path = _ONE_WAY[enrolment.state]
        return (Step(step, method, here + path),)
    if not enrolment.is_open:
        return _after_end(enrolment)
    if enrolment.state is State.DOCUMENTS_PENDING:
        return _next_papers(here, asked)
    if enrolment.awaits_slot:
        return (Step("wait-for-slot", "GET", here),)
    handing = (Step("hand-over", "POST", f"{here}/handovers"),) if _can_be_handed_over(enrolment, face) else ()
    return _next_face(here, face, given, handing)


def consent_step(here: str, purpose: ConsentPurpose) -> Step:
    """Return the step of agreeing to one thing, as a view tells it."""
    step = loading.consenting(here, purpose)
    return Step(step.action, "PUT", step.href or here, step.notice)


def _can_be_handed_over(enrolment: Enrolment, face: FaceView | None) -> bool:
    is_live = face is not None and face.mode is FaceMode.LIVE
    return is_live and enrolment.kind is EnrolmentKind.FAMILY_MEMBER


_ONE_WAY = {
    State.DETAILS_PENDING: ("details", "PUT", "/details"),
    State.PASSWORD_PENDING: ("card-password", "PUT", "/card-password"),
    State.IN_REVIEW: ("wait-for-review", "GET", ""),
}


def _after_end(enrolment: Enrolment) -> tuple[Step, ...]:
    if enrolment.state is not State.ACTIVE:
        return (Step("start-again", "POST", "/v1/enrolments"),)
    if enrolment.kind is EnrolmentKind.OWN_CARD:
        return (Step("see-card", "GET", "/v1/holders/me/card"),)
    card = Step("see-card", "GET", f"/v1/holders/{enrolment.link_id}/card")
    return card, Step("see-family", "GET", "/v1/family")


def _next_papers(here: str, asked: Sequence[Requirement]) -> tuple[Step, ...]:
    missing = [requirement for requirement in asked if not requirement.met]
    consents = [
        consent_step(here, ConsentPurpose(requirement.any_of[0]))
        for requirement in missing
        if requirement.kind == "consent"
    ]
    papers = [
        Step("documents", "PUT", f"{here}/documents/{'{kind}' if len(need.any_of) > 1 else need.any_of[0]}")
        for need in missing
        if need.kind != "consent"
    ]
    review = [Step("review", "POST", f"{here}/review-requests")] if all(need.is_for_face for need in missing) else []
    return tuple(dict.fromkeys([*consents, *papers, *review]))


def _next_face(
    here: str, face: FaceView | None, given: AbstractSet[ConsentPurpose], handing: tuple[Step, ...]
) -> tuple[Step, ...]:
    review = Step("review", "POST", f"{here}/review-requests")
    if face is not None and face.tries_left == 0:
        return (review,)
    if ConsentPurpose.FACE_CHECK not in given:
        return consent_step(here, ConsentPurpose.FACE_CHECK), *handing, review
    check = Step("face-check", "POST", f"{here}/face-checks")
    if face is not None and face.mode is FaceMode.PHOTO and face.last_reason in _ANOTHER_PHOTO:
        return Step("documents", "PUT", f"{here}/documents/facial_photo"), check, review
    return check, *handing, review
