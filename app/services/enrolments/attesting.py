"""The face step done at a counter: one of the staff has seen who the member is, what they show and what they agree to.

It is the same step with the same consequences: what would be declined, reviewed or made to wait after a face that has
passed is so here too. A face check that is under way is given up, and a case that waits for people is withdrawn.
"""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.clock import today
from app.core.db import Session, bucket_of, new_id
from app.core.errors import Conflict, FieldError, Invalid, NextStep
from app.models.attestations import Attestation, SeenDocument
from app.models.audit import AuditEvent
from app.models.consents import ConsentPurpose
from app.models.documents import DocumentKind
from app.models.enrolments import NEXT, Enrolment, EnrolmentKind, Event, Guardianship, State
from app.models.people import Proof
from app.ports.register import RegisteredPerson
from app.services import audit, cases, notices, outbox, policies
from app.services.accounts.doers import Doer
from app.services.audit import Action, Actor
from app.services.enrolments import agreeing, finishing, loading, requirements
from app.services.faces import ending
from app.services.links import Service
from app.services.notices import Shown
from app.services.people.ages import age_on
from app.services.rules import Policies

_ORIGINALS: Final[Mapping[DocumentKind, SeenDocument]] = {
    DocumentKind.ID_CARD_FRONT: SeenDocument.ID_CARD,
    DocumentKind.SOCIAL_SECURITY_CARD: SeenDocument.SOCIAL_SECURITY_CARD,
    DocumentKind.RESIDENCE_PERMIT_FRONT: SeenDocument.RESIDENCE_PERMIT,
    DocumentKind.HOUSEHOLD_REGISTER: SeenDocument.HOUSEHOLD_REGISTER,
    DocumentKind.BIRTH_CERTIFICATE: SeenDocument.BIRTH_CERTIFICATE,
    DocumentKind.GUARDIANSHIP_PROOF: SeenDocument.GUARDIANSHIP_PROOF,
}
_BY_PAPERS: Final = frozenset({Guardianship.BY_DOCUMENTS, Guardianship.OTHER_RELATIVE})


class AttestationNotPossible(Conflict):
    """There is nothing to attest: it is too early for that, it is done, or the application is over."""

    code = "attestation-not-possible"


class DocumentsNotShown(Invalid):
    """What was shown at the counter does not do for this person; `errors` says what would."""

    code = "documents-not-shown"


class CounterConsentNeeded(Conflict):
    """Nobody is checked at a counter without having agreed to it; `next_step` leads to the notice."""

    code = "counter-consent-needed"


@dataclass(frozen=True, slots=True)
class Need:
    """Originals of which one is to be shown, and for what."""

    kind: str
    any_of: tuple[SeenDocument, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What an attestation takes: originals, consents that nobody has given yet, and whether services are chosen."""

    documents: tuple[Need, ...]
    consents: tuple[ConsentPurpose, ...]
    is_choice: bool


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed to at the counter, and the services chosen with it."""

    purpose: ConsentPurpose
    shown: Shown
    services: AbstractSet[str] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one of the staff has seen, where."""

    operator_id: UUID
    office_id: str
    documents: AbstractSet[SeenDocument]
    consents: Collection[Agreed]


async def is_possible(session: Session, enrolment: Enrolment) -> bool:
    """Say whether an enrolment stands where somebody can attest who the member is."""
    is_open = Event.ATTEST in NEXT[enrolment.state] and not enrolment.awaits_slot
    return is_open and not loading.is_overdue(session, enrolment)


async def needs(session: Session, enrolment: Enrolment) -> Needs:
    """Return what an attestation takes of an enrolment whose details are given."""
    member = await loading.named(session, enrolment)
    assert member is not None  # nothing can be attested before the details
    rules = await policies.current(session)
    age = age_on(member.birth_date, today(session.now))
    documents = [Need("identity_document", originals_at(rules, age))]
    if enrolment.guardianship in _BY_PAPERS:
        documents.append(Need("guardianship", _originals(rules.documents.guardianship)))
    given = await loading.consents(session, enrolment)
    consents = [ConsentPurpose.COUNTER_CHECK]
    if age < rules.ages.own_consent and ConsentPurpose.MINOR_DATA not in given:
        consents.append(ConsentPurpose.MINOR_DATA)
    is_choice = enrolment.kind is EnrolmentKind.FAMILY_MEMBER and age >= rules.ages.live_face
    return Needs(tuple(documents), tuple(consents), is_choice)


async def attest(
    session: Session, enrolment: Enrolment, seen: Seen, doer: Doer, registered: RegisteredPerson | None
) -> None:
    """Do the face step of a locked enrolment by what was seen; the homes of account, owner and member are locked.

    Papers that prove a guardianship are looked at by one more person, as after a face that has passed.

    Args:
        registered: the member as the register holds them now.

    Raises:
        AttestationNotPossible, DocumentsNotShown, CounterConsentNeeded, NoticeOutdated.
        Invalid: a service that is none, or none chosen where the member has to choose.
    """
    await require_possible(session, enrolment)
    wanted = await needs(session, enrolment)
    _require_shown(wanted, seen.documents)
    await _agree(session, enrolment, wanted, seen, doer)
    await ending.give_up_open(session, enrolment.home_id, enrolment.id, doer.actor)
    await cases.withdraw(session, enrolment.home_id, enrolment.id)
    enrolment.advance(Event.ATTEST, State.FACE_PENDING, session.now)
    enrolment.face_passed_at, enrolment.proof = session.now, Proof.IN_PERSON
    _write(session, enrolment, seen)
    await _record(session, enrolment, seen, doer.actor)
    _tell(session, enrolment)
    await session.flush()
    reason = await finishing.needs_people(session, enrolment, registered)
    if reason is not None:
        await finishing.to_review(session, enrolment, Event.PASS_FACE, reason, doer.actor)
    else:
        await finishing.accept(session, enrolment, Event.PASS_FACE, registered, doer.actor)


async def was_named_since(session: Session, enrolment: Enrolment, moment: datetime) -> bool:
    """Say whether an enrolment's member was named from a moment on: who was seen then may be somebody else."""
    found = await session.scalar(
        select(AuditEvent.seq)
        .where(
            AuditEvent.bucket == bucket_of(enrolment.home_id),
            AuditEvent.home_id == enrolment.home_id,
            AuditEvent.action == Action.DETAILS_GIVEN,
            AuditEvent.at >= moment,
            AuditEvent.facts["enrolment_id"].astext == str(enrolment.id),
        )
        .limit(1)
    )
    return found is not None


async def require_possible(session: Session, enrolment: Enrolment) -> None:
    """Check that it can be attested now who an enrolment's member is.

    Raises:
        AttestationNotPossible: it cannot.
    """
    if not await is_possible(session, enrolment):
        raise AttestationNotPossible(next_step=NextStep("read-again", f"/v1/counter/enrolments/{enrolment.id}"))


def originals_at(rules: Policies, age: int) -> tuple[SeenDocument, ...]:
    """Return the originals of which one shows who somebody of this age is."""
    return _originals(requirements.identity(rules, age))


async def in_force(session: Session, enrolment: Enrolment) -> Attestation | None:
    """Return the attestation that an enrolment stands on, if it does: the last one, unless it was undone."""
    if enrolment.proof is not Proof.IN_PERSON:
        return None
    found: Attestation | None = await session.scalar(
        select(Attestation)
        .where(Attestation.bucket == enrolment.bucket, Attestation.enrolment_id == enrolment.id)
        .order_by(Attestation.at.desc(), Attestation.id.desc())
        .limit(1)
    )
    return found


def _originals(kinds: Collection[str]) -> tuple[SeenDocument, ...]:
    """Return which originals do for files of these kinds."""
    found = [_ORIGINALS[DocumentKind(kind)] for kind in kinds if DocumentKind(kind) in _ORIGINALS]
    return tuple(dict.fromkeys(found))


def _require_shown(wanted: Needs, shown: AbstractSet[SeenDocument]) -> None:
    missing = [need for need in wanted.documents if shown.isdisjoint(need.any_of)]
    if missing:
        raise DocumentsNotShown(
            errors=[FieldError("/documents_seen", "missing", allowed=tuple(need.any_of)) for need in missing]
        )


async def _agree(session: Session, enrolment: Enrolment, wanted: Needs, seen: Seen, doer: Doer) -> None:
    """Write down what was agreed to at the counter, each thing apart; what is needed has to be among it."""
    given = {agreed.purpose: agreed for agreed in seen.consents}
    for purpose in wanted.consents:
        if purpose not in given:
            step = NextStep("read-notice", notices.address(purpose.value))
            raise CounterConsentNeeded(next_step=step)
    known = await loading.consents(session, enrolment)
    for purpose in wanted.consents:
        agreed = given[purpose]
        notices.require_in_force(session, agreed.shown, purpose.value)
        services = _chosen(wanted, agreed) if purpose is ConsentPurpose.COUNTER_CHECK else None
        if purpose in known:
            known[purpose].withdrawn_at = session.now
        await agreeing.agree(session, doer, enrolment, purpose, agreed.shown, services)
        await audit.record(
            session,
            Action.CONSENT_GIVEN,
            home_id=enrolment.home_id,
            actor=doer.actor,
            on_behalf_of=enrolment.member_id,
            facts={"enrolment_id": str(enrolment.id), "purpose": purpose.value, "office_id": seen.office_id},
        )
    await session.flush()


def _chosen(wanted: Needs, agreed: Agreed) -> str | None:
    """Return the services that the member has chosen; who is too young to choose chooses none."""
    if not wanted.is_choice:
        return None
    if agreed.services is None:
        raise Invalid(errors=[FieldError("/services", "missing")])
    if not agreed.services <= set(Service):
        raise Invalid(errors=[FieldError("/services", "choice", allowed=tuple(Service))])
    return agreeing.written(agreed.services)


def _write(session: Session, enrolment: Enrolment, seen: Seen) -> None:
    session.add(
        Attestation(
            bucket=enrolment.bucket,
            id=new_id(enrolment.bucket),
            home_id=enrolment.home_id,
            enrolment_id=enrolment.id,
            operator_id=seen.operator_id,
            office_id=seen.office_id,
            documents=" ".join(sorted(seen.documents)),
            at=session.now,
        )
    )


async def _record(session: Session, enrolment: Enrolment, seen: Seen, actor: Actor) -> None:
    """Write it into both homes, the owner's or the account's and the member's."""
    assert enrolment.member_id is not None
    for home_id in sorted({enrolment.home_id, enrolment.member_id}, key=bucket_of):
        await audit.record(
            session,
            Action.IDENTITY_ATTESTED,
            home_id=home_id,
            actor=actor,
            on_behalf_of=enrolment.member_id,
            facts={
                "enrolment_id": str(enrolment.id),
                "office_id": seen.office_id,
                "documents": " ".join(sorted(seen.documents)),
                "purpose": f"attestation_of_{enrolment.kind.value}",
            },
        )


def _tell(session: Session, enrolment: Enrolment) -> None:
    """Let owner and member be told; of an own card whoever opened it is the member."""
    finishing.tell_owner(session, enrolment, "enrolment_attested")
    if enrolment.owner_id is None:
        return
    outbox.tell(
        session,
        outbox.Kind.TELL_PERSON,
        enrolment.member_id or enrolment.home_id,
        message="identity_attested_member",
        owner_id=str(enrolment.owner_id),
        member_id=str(enrolment.member_id),
    )
