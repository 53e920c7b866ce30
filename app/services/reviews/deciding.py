"""What people decide on cases they hold, and what follows from it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.core.db import Database, Session, bucket_of
from app.core.errors import FieldError, Invalid
from app.models.cases import Case, CasePurpose, CaseState
from app.models.enrolments import Enrolment, Event
from app.ports import Ports
from app.ports.register import RegisteredPerson
from app.services import cases
from app.services.cards import resets, upgrades
from app.services.cases import Decision
from app.services.certifications import ending as certifications
from app.services.enrolments import asking, finishing, loading
from app.services.family import disputing, reconfirmed
from app.services.operators.sessions import Staff
from app.services.people import homes
from app.services.reviews import queue, reading

Remember = Callable[[Session, Case], Awaitable[None]]


async def decide(
    db: Database, ports: Ports, staff: Staff, case_id: UUID, decision: Decision, remember: Remember
) -> None:
    """Decide on a case that the reviewer holds, and go on with what it was about once enough people have decided.

    Args:
        decision: its finding is what the owner reads, where it is a no or asks for more.
        remember: keeps the answer, in the transaction that decides.

    Raises:
        NotFound: there is none in the regions that the reviewer's office serves.
        CaseAlreadyDecided, ReviewNotClaimed.
        OtherReviewerNeeded: the reviewer has approved it, and another has to.
        Invalid: the finding does not lead to the verdict here.
        RegisterUnavailable: nothing has changed.
    """
    person = await db.run(lambda session: _member(session, staff, case_id, decision))
    registered = await ports.register.find(person)
    await db.run(lambda session: _decide(session, staff, case_id, decision, registered, remember))


async def _member(session: Session, staff: Staff, case_id: UUID, decision: Decision) -> str:
    """Return the number of whom a case is about that can be decided so."""
    case = await queue.held(session, staff, case_id)
    if (decision.verdict, decision.finding) not in await reading.choices_for(session, case):
        raise Invalid(errors=[FieldError("/reason", "choice")])
    return (await homes.person(session, case.member_id)).number


async def _decide(
    session: Session,
    staff: Staff,
    case_id: UUID,
    decision: Decision,
    registered: RegisteredPerson | None,
    remember: Remember,
) -> None:
    seen = await cases.find(session, case_id)
    await homes.lock(session, await _homes(session, seen))
    case = await _decide_on(session, staff, seen, decision, registered)
    await remember(session, case)


async def _decide_on(
    session: Session, staff: Staff, seen: Case, decision: Decision, registered: RegisteredPerson | None
) -> Case:
    if seen.purpose is CasePurpose.ENROLMENT:
        return await _decide_enrolment(session, staff, seen, decision, registered)
    case = await cases.decide(session, seen.id, decision, staff.actor)
    if case.state is not CaseState.OPEN:
        await _go_on(session, staff, case, registered)
    return case


async def _go_on(session: Session, staff: Staff, case: Case, registered: RegisteredPerson | None) -> None:
    """Go on with what a case was about, an enrolment apart."""
    is_approved = case.state is CaseState.APPROVED
    match case.purpose:
        case CasePurpose.ENROLMENT:
            pass  # it is locked before its case, see above
        case CasePurpose.CARD_PASSWORD_RESET:
            await resets.decided(session, case.subject_id, is_approved=is_approved)
        case CasePurpose.CERTIFICATION:
            await certifications.decided(session, case, staff.actor)
        case CasePurpose.CARD_UPGRADE:
            await upgrades.decided(session, case, staff.actor)
        case CasePurpose.LINK_DISPUTE:
            await disputing.decided(session, case.subject_id, staff.actor, is_upheld=is_approved)
        case CasePurpose.RECONFIRMATION:
            await reconfirmed.decided(session, case.subject_id, registered, staff.actor, is_approved=is_approved)


async def _decide_enrolment(
    session: Session, staff: Staff, seen: Case, decision: Decision, registered: RegisteredPerson | None
) -> Case:
    # The subject before the case: that is the order of whoever cancels it.
    enrolment = await loading.locked(session, seen.subject_id)
    assert enrolment is not None
    case = await cases.decide(session, seen.id, decision, staff.actor)
    match case.state:
        case CaseState.APPROVED:
            await finishing.accept(session, enrolment, Event.APPROVE, registered, staff.actor)
        case CaseState.REJECTED:
            await finishing.reject(session, enrolment, decision.finding.value, staff.actor)
        case CaseState.ASKED_FOR_MORE:
            await asking.ask_for_more(session, enrolment, decision.finding)
        case _:
            pass  # another has to approve it too
    return case


async def _homes(session: Session, case: Case) -> set[UUID]:
    """Return the homes that a decision changes."""
    if case.purpose in (CasePurpose.CARD_PASSWORD_RESET, CasePurpose.CARD_UPGRADE):
        return {case.member_id}
    if case.purpose is CasePurpose.CERTIFICATION:
        return {case.home_id, case.member_id}
    if case.purpose is CasePurpose.RECONFIRMATION:
        return await reconfirmed.homes_of(session, case.subject_id)
    if case.purpose is CasePurpose.LINK_DISPUTE:
        return {(await disputing.about(session, case.subject_id))[0].owner_id, case.member_id}
    enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
    return {enrolment.home_id, enrolment.account_id, case.member_id}
