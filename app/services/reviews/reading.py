"""What a reviewer needs to see of a case they hold: masked, and every look is written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from app.core.clock import today
from app.core.db import Database, Session, bucket_of
from app.models.attestations import Attestation as AttestationRow
from app.models.cases import FINDINGS, Case, CasePurpose, Finding, Verdict
from app.models.enrolments import Enrolment, EnrolmentKind, Guardianship
from app.models.faces import FaceCheck
from app.models.links import FamilyLink, LinkDispute, LinkDisputeReason
from app.ports import Ports
from app.ports.certifications import Way
from app.ports.register import RegisteredPerson
from app.services import cases
from app.services.audit import Action
from app.services.cards import issuing
from app.services.certifications import rows as certifications
from app.services.enrolments import asking, attesting, loading
from app.services.family import disputing, reconfirmed
from app.services.operators.sessions import Staff
from app.services.people import homes
from app.services.people.ages import age_on
from app.services.people.homes import KnownPerson
from app.services.people.identifiers import mask_number
from app.services.people.names import mask_name, same_name
from app.services.reviews import exhibits, queue
from app.services.reviews.exhibits import Exhibit

_CHECKS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody whom a case is about, masked."""

    name: str = field(repr=False)
    number: str = field(repr=False)
    age: int


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """What the register says now, as yes and no; None where the question does not arise."""

    is_known: bool
    is_alive: bool
    name_matches: bool
    has_card_in_use: bool
    owner_is_parent_or_guardian: bool | None


@dataclass(frozen=True, slots=True)
class SeenInPerson:
    """That a clerk has seen the member: which kinds of documents, where and when."""

    documents: tuple[str, ...]
    office_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Application:
    """What an enrolment adds to the picture."""

    kind: EnrolmentKind
    relationship: str | None
    guardianship: Guardianship | None
    owner: Party | None
    seen_in_person: SeenInPerson | None


@dataclass(frozen=True, slots=True)
class Objection:
    """What a dispute adds to the picture: who acts for the member, as what, since when, and why they object."""

    owner: Party
    relationship: str
    since: datetime
    reason: LinkDisputeReason
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a certification adds to the picture: the way that was asked for, and where a home visit is wanted."""

    way: Way
    address: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReviewView:
    """All of it; `checks` are the newest face checks first, `choices` what can be decided and why.

    `exhibits` are the pictures there are.
    """

    case: Case
    approvals: int
    is_overdue: bool
    member: Party
    application: Application | None
    dispute: Objection | None
    certification: Attestation | None
    register: RegisterFacts
    checks: Sequence[FaceCheck]
    exhibits: Sequence[Exhibit]
    choices: Sequence[tuple[Verdict, Finding]]


@dataclass(frozen=True, slots=True)
class _About:
    """Whom a case is about, opened: the member as they were named, and the owner where that is somebody else."""

    case: Case
    enrolment: Enrolment | None
    member: KnownPerson
    owner: KnownPerson | None
    name_given: str = field(repr=False)
    dispute: tuple[LinkDispute, FamilyLink] | None = None


async def read(db: Database, ports: Ports, staff: Staff, case_id: UUID) -> ReviewView:
    """Return a case that the reviewer holds, and write the look down; nothing is held while the register thinks.

    Raises:
        NotFound: there is none in the regions that the reviewer's office serves.
        CaseAlreadyDecided, ReviewNotClaimed.
        RegisterUnavailable: it does not answer.
    """
    about = await db.run(lambda session: _about(session, staff, case_id))
    registered = await ports.register.find(about.member.number)
    return await db.run(lambda session: _view(session, staff, case_id, registered))


async def choices_for(session: Session, case: Case) -> Sequence[tuple[Verdict, Finding]]:
    """Return what can be decided on a case, and for which reasons."""
    found = [(verdict, finding) for verdict, of in FINDINGS.items() for finding in of[case.purpose]]
    if case.purpose is CasePurpose.ENROLMENT:
        enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
        found += [(Verdict.ASK_FOR_MORE, finding) for finding in await asking.possible(session, enrolment)]
    return found


async def _about(session: Session, staff: Staff, case_id: UUID) -> _About:
    case = await queue.held(session, staff, case_id)
    member = await homes.person(session, case.member_id)
    if case.purpose is CasePurpose.LINK_DISPUTE:
        disputed = await disputing.about(session, case.subject_id)
        return _About(case, None, member, await homes.person(session, disputed[0].owner_id), member.name, disputed)
    if case.purpose is CasePurpose.RECONFIRMATION:
        (owner_id,) = await reconfirmed.homes_of(session, case.subject_id) - {case.member_id}
        return _About(case, None, member, await homes.person(session, owner_id), member.name)
    if case.purpose is not CasePurpose.ENROLMENT:
        return _About(case, None, member, None, member.name)
    enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
    named = await loading.named(session, enrolment)
    assert named is not None  # review comes after the details
    owner = None if enrolment.owner_id is None else await homes.person(session, enrolment.owner_id)
    return _About(case, enrolment, member, owner, named.name)


async def _view(session: Session, staff: Staff, case_id: UUID, registered: RegisteredPerson | None) -> ReviewView:
    about = await _about(session, staff, case_id)
    case, day = about.case, today(session.now)
    await homes.lock(session, {case.home_id, case.member_id})
    await cases.record(session, Action.REVIEW_SEEN, case, staff.actor)
    return ReviewView(
        case=case,
        approvals=await cases.approvals(session, case),
        is_overdue=case.due_at <= session.now,
        member=_party(about.name_given, about.member, day),
        application=await _application(session, about, day),
        dispute=_objection(about, day),
        certification=await _attestation(session, case),
        register=await _facts(session, about, registered),
        checks=await _checks(session, case),
        exhibits=await exhibits.of(session, case),
        choices=await choices_for(session, case),
    )


def _party(name: str, person: KnownPerson, day: date) -> Party:
    return Party(mask_name(name), mask_number(person.number), age_on(person.birth_date, day))


async def _application(session: Session, about: _About, day: date) -> Application | None:
    if about.enrolment is None:
        return None
    attested = await attesting.in_force(session, about.enrolment)
    return Application(
        kind=about.enrolment.kind,
        relationship=about.enrolment.relationship,
        guardianship=about.enrolment.guardianship,
        owner=None if about.owner is None else _party(about.owner.name, about.owner, day),
        seen_in_person=None if attested is None else _in_person(attested),
    )


def _in_person(attested: AttestationRow) -> SeenInPerson:
    return SeenInPerson(tuple(attested.documents.split()), attested.office_id, attested.at)


def _objection(about: _About, day: date) -> Objection | None:
    if about.dispute is None or about.owner is None:
        return None
    dispute, link = about.dispute
    since = link.active_since or link.reserved_at
    owner = _party(about.owner.name, about.owner, day)
    return Objection(owner, link.relationship, since, dispute.reason, dispute.lapses_at)


async def _attestation(session: Session, case: Case) -> Attestation | None:
    if case.purpose is not CasePurpose.CERTIFICATION:
        return None
    asked = await certifications.seen(session, case.subject_id)
    return Attestation(asked.way, await certifications.address(session, asked))


async def _facts(session: Session, about: _About, registered: RegisteredPerson | None) -> RegisterFacts:
    if registered is None:
        return RegisterFacts(
            is_known=False,
            is_alive=False,
            name_matches=False,
            has_card_in_use=False,
            owner_is_parent_or_guardian=None if about.owner is None else False,
        )
    is_guardian = None
    if about.owner is not None:
        is_guardian = about.owner.number in registered.parents | registered.guardians
    return RegisterFacts(
        is_known=True,
        is_alive=registered.is_alive,
        name_matches=same_name(registered.name, about.name_given),
        has_card_in_use=await issuing.obstacle(session, registered) is None,
        owner_is_parent_or_guardian=is_guardian,
    )


async def _checks(session: Session, case: Case) -> Sequence[FaceCheck]:
    rows = await session.scalars(
        select(FaceCheck)
        .where(FaceCheck.bucket == bucket_of(case.home_id), FaceCheck.subject_id == case.subject_id)
        .order_by(FaceCheck.started_at.desc())
        .limit(_CHECKS_SHOWN)
    )
    return rows.all()
