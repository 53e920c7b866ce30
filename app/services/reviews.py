"""What people decide on open cases, and what follows from it."""

from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.audit import ActorKind
from app.models.cases import Case, CasePurpose, CaseState
from app.models.enrolments import Enrolment, Event, State
from app.ports import Ports
from app.ports.register import RegisteredPerson
from app.services import cases
from app.services.audit import Actor
from app.services.cards import resets
from app.services.enrolments import finishing, loading
from app.services.people import homes

_OPERATOR = Actor(ActorKind.OPERATOR)


async def decide(db: Database, ports: Ports, case_id: UUID, decision: CaseState, reason: str) -> Case:
    """Approve or reject a case, and go on with what it was about.

    Args:
        decision: APPROVED or REJECTED.
        reason: a code that the owner is told on rejection; nothing personal.

    Raises:
        NotFound: there is no such case.
        CaseAlreadyDecided: somebody was faster.
        RegisterUnavailable: nothing has changed.
    """
    case = await db.run(lambda session: cases.find(session, case_id))
    person = await db.run(lambda session: homes.person(session, case.member_id))
    registered = await ports.register.find(person.number)
    return await db.run(lambda session: _decide(session, case, decision, reason, registered))


async def _decide(
    session: Session, seen: Case, decision: CaseState, reason: str, registered: RegisteredPerson | None
) -> Case:
    await homes.lock(session, await _homes(session, seen))
    case = await cases.decide(session, seen.id, decision, reason, _OPERATOR)
    if case.purpose is CasePurpose.CARD_PASSWORD_RESET:
        await resets.decided(session, case.subject_id, is_approved=decision is CaseState.APPROVED)
        return case
    enrolment = await loading.locked(session, case.subject_id)
    assert enrolment is not None
    if decision is CaseState.APPROVED and registered is not None and registered.is_alive:
        await finishing.accept(session, enrolment, Event.APPROVE, registered, _OPERATOR)
    elif enrolment.state is State.IN_REVIEW:
        await finishing.reject(session, enrolment, reason, _OPERATOR)
    return case


async def _homes(session: Session, case: Case) -> set[UUID]:
    """Return the homes that a decision changes."""
    if case.purpose is CasePurpose.CARD_PASSWORD_RESET:
        return {case.member_id}
    enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
    return {enrolment.home_id, enrolment.account_id, case.member_id}
