"""What people decide on open cases, and what follows from it."""

from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.models.audit import ActorKind
from app.models.cases import Case, CasePurpose, CaseState
from app.models.enrolments import Enrolment, Event
from app.ports import Ports
from app.ports.register import RegisteredPerson
from app.services import cases
from app.services.audit import Actor
from app.services.cards import resets
from app.services.cases import Decision
from app.services.enrolments import finishing, loading
from app.services.people import homes

_OPERATOR = Actor(ActorKind.OPERATOR)


async def decide(db: Database, ports: Ports, case_id: UUID, decision: Decision) -> Case:
    """Approve or reject a case, and go on with what it was about once enough people have decided.

    Args:
        decision: its reason is what the owner is told on rejection.

    Raises:
        NotFound: there is no such case.
        CaseAlreadyDecided: somebody was faster.
        OtherReviewerNeeded: this operator has approved it, and another has to.
        RegisterUnavailable: nothing has changed.
    """
    case = await db.run(lambda session: cases.find(session, case_id))
    person = await db.run(lambda session: homes.person(session, case.member_id))
    registered = await ports.register.find(person.number)
    return await db.run(lambda session: _decide(session, case, decision, registered))


async def _decide(session: Session, seen: Case, decision: Decision, registered: RegisteredPerson | None) -> Case:
    await homes.lock(session, await _homes(session, seen))
    if seen.purpose is CasePurpose.CARD_PASSWORD_RESET:
        case = await cases.decide(session, seen.id, decision, _OPERATOR)
        if case.state is not CaseState.OPEN:
            await resets.decided(session, case.subject_id, is_approved=case.state is CaseState.APPROVED)
        return case
    # The subject before the case: that is the order of whoever cancels it.
    enrolment = await loading.locked(session, seen.subject_id)
    assert enrolment is not None
    case = await cases.decide(session, seen.id, decision, _OPERATOR)
    if case.state is CaseState.APPROVED:
        await finishing.accept(session, enrolment, Event.APPROVE, registered, _OPERATOR)
    elif case.state is CaseState.REJECTED:
        await finishing.reject(session, enrolment, decision.reason, _OPERATOR)
    return case


async def _homes(session: Session, case: Case) -> set[UUID]:
    """Return the homes that a decision changes."""
    if case.purpose is CasePurpose.CARD_PASSWORD_RESET:
        return {case.member_id}
    enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
    return {enrolment.home_id, enrolment.account_id, case.member_id}
