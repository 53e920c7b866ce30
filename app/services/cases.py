"""Questions to people: opened, withdrawn, found, closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Session, bucket_of, new_id
from app.core.errors import Conflict, NotFound
from app.models.cases import Approval, Case, CasePurpose, CaseReason, CaseState
from app.services import audit, policies
from app.services.audit import Action, Actor

_TWO_REVIEWERS = frozenset({CaseReason.NO_REFERENCE_PORTRAIT})


class CaseAlreadyDecided(Conflict):
    """The case was decided or withdrawn."""

    code = "case-already-decided"


class OtherReviewerNeeded(Conflict):
    """This operator has approved the case; where two are needed they are two people."""

    code = "other-reviewer-needed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an operator decides: APPROVED or REJECTED, why (a code, nothing personal), and who it is."""

    state: CaseState
    reason: str
    operator: str


async def open_case(
    session: Session,
    *,
    home_id: UUID,
    purpose: CasePurpose,
    subject_id: UUID,
    member_id: UUID,
    reason: CaseReason,
    actor: Actor,
) -> Case:
    """Ask people to decide; due in five days (policy). Where no face could decide, two must agree."""
    rules = (await policies.current(session)).reviews
    bucket = bucket_of(home_id)
    case = Case(
        bucket=bucket,
        id=new_id(bucket),
        home_id=home_id,
        purpose=purpose,
        subject_id=subject_id,
        member_id=member_id,
        reason=reason,
        state=CaseState.OPEN,
        reviewers_needed=2 if reason in _TWO_REVIEWERS else 1,
        opened_at=session.now,
        due_at=session.now + timedelta(days=rules.due_days),
    )
    session.add(case)
    await audit.record(
        session,
        Action.REVIEW_OPENED,
        home_id=home_id,
        actor=actor,
        on_behalf_of=member_id,
        facts={"case_id": str(case.id), "reason": reason.value},
    )
    await session.flush()
    return case


async def open_for(session: Session, home_id: UUID, subject_id: UUID) -> Case | None:
    """Return the open case about a subject."""
    case: Case | None = await session.scalar(
        select(Case).where(
            Case.bucket == bucket_of(home_id), Case.subject_id == subject_id, Case.state == CaseState.OPEN
        )
    )
    return case


async def approvals(session: Session, case: Case) -> int:
    """Return how many people have approved a case."""
    count = await session.scalar(
        select(func.count()).select_from(Approval).where(Approval.bucket == case.bucket, Approval.case_id == case.id)
    )
    return count or 0


async def withdraw(session: Session, home_id: UUID, subject_id: UUID) -> None:
    """Close the open case about a subject that is no more, or asks for something else now; the subject is locked."""
    case = await open_for(session, home_id, subject_id)
    if case is not None:
        case.state, case.decided_at = CaseState.WITHDRAWN, session.now


async def waiting(session: Session, *, most: int = 100) -> Sequence[Case]:
    """Return the open cases, the most urgent first: across all homes, for the people who decide."""
    rows = await session.scalars(
        select(Case).where(Case.state == CaseState.OPEN).order_by(Case.due_at, Case.id).limit(most)
    )
    return rows.all()


async def find(session: Session, case_id: UUID) -> Case:
    """Return a case.

    Raises:
        NotFound: there is none.
    """
    case: Case | None = await session.get(Case, (bucket_of(case_id), case_id), populate_existing=True)
    if case is None:
        raise NotFound
    return case


async def decide(session: Session, case_id: UUID, decision: Decision, actor: Actor) -> Case:
    """Take an operator's decision; the case stays open until as many have approved as it needs. One no is enough.

    Raises:
        CaseAlreadyDecided: somebody was faster, or it was withdrawn.
        OtherReviewerNeeded: this operator has approved it before.
    """
    case = await session.get_one(Case, (bucket_of(case_id), case_id), with_for_update=True, populate_existing=True)
    if case.state is not CaseState.OPEN:
        raise CaseAlreadyDecided
    if decision.state is CaseState.REJECTED or await _approve(session, case, decision.operator):
        case.state, case.decided_at, case.decision_reason = decision.state, session.now, decision.reason
    await audit.record(
        session,
        Action.REVIEW_DECIDED,
        home_id=case.home_id,
        actor=actor,
        on_behalf_of=case.member_id,
        facts={
            "case_id": str(case.id),
            "decision": decision.state.value,
            "reason": decision.reason,
            "operator": decision.operator,
            "state": case.state.value,
        },
    )
    return case


async def _approve(session: Session, case: Case, operator: str) -> bool:
    """Add an operator's yes; say whether these are enough now."""
    added = await session.scalar(
        insert(Approval)
        .values(bucket=case.bucket, case_id=case.id, operator=operator, at=session.now)
        .on_conflict_do_nothing()
        .returning(Approval.operator)
    )
    if added is None:
        raise OtherReviewerNeeded
    return await approvals(session, case) >= case.reviewers_needed
