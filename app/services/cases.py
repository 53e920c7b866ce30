"""Questions to people: opened, withdrawn, found, decided by whoever has claimed them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, func, select

from app.core.db import Session, bucket_of, new_id
from app.core.errors import Conflict, NotFound
from app.models.cases import Approval, Case, CasePurpose, CaseReason, CaseState, Finding, Risk, Verdict
from app.models.operators import Operator
from app.services import audit, outbox, policies
from app.services.audit import Action, Actor
from app.services.people import homes


class CaseAlreadyDecided(Conflict):
    """The case was decided or withdrawn."""

    code = "case-already-decided"


class OtherReviewerNeeded(Conflict):
    """This person has approved the case or seen its member at a window, by whatever login: it takes another one."""

    code = "other-reviewer-needed"


class ReviewNotClaimed(Conflict):
    """Only whoever holds a case looks into it and decides; the claim was never made, given back, or is over."""

    code = "review-not-claimed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decides, and why."""

    verdict: Verdict
    finding: Finding


_CLOSED = {Verdict.REJECT: CaseState.REJECTED, Verdict.ASK_FOR_MORE: CaseState.ASKED_FOR_MORE}


async def open_case(
    session: Session,
    *,
    home_id: UUID,
    purpose: CasePurpose,
    subject_id: UUID,
    member_id: UUID,
    reason: CaseReason,
    risks: Collection[Risk] = (),
    actor: Actor,
) -> Case:
    """Ask people to decide; due in five days (policy).

    Two must agree where no face could decide, and where it is risky; which reasons and risks these are is a policy.
    """
    rules = (await policies.current(session)).reviews
    member = await homes.person(session, member_id)
    bucket = bucket_of(home_id)
    case = Case(
        bucket=bucket,
        id=new_id(bucket),
        home_id=home_id,
        purpose=purpose,
        subject_id=subject_id,
        member_id=member_id,
        reason=reason,
        region=member.region,
        risks=" ".join(sorted(risks)),
        state=CaseState.OPEN,
        reviewers_needed=1 if rules.two_for.isdisjoint({reason, *risks}) else 2,
        opened_at=session.now,
        due_at=session.now + timedelta(days=rules.due_days),
    )
    session.add(case)
    outbox.tell(session, outbox.Kind.PRESORT_CASE, home_id, case_id=str(case.id))
    await audit.record(
        session,
        Action.REVIEW_OPENED,
        home_id=home_id,
        actor=actor,
        on_behalf_of=member_id,
        facts={"case_id": str(case.id), "reason": reason.value, "risks": case.risks},
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


async def logins_of(session: Session, operator_id: UUID) -> list[str]:
    """Return the ids of all operators who are one person with this one, themselves and those removed among them."""
    own = await session.get_one(Operator, (bucket_of(operator_id), operator_id))
    if own.person_id is None:
        return [str(operator_id)]
    return [str(each) for each in await session.scalars(select(Operator.id).where(Operator.person_id == own.person_id))]


async def has_approved(session: Session, case: Case, operator_id: UUID) -> bool:
    """Say whether the person who this operator is has approved a case, by this login or another."""
    found = await session.scalar(
        select(Approval.operator)
        .where(
            Approval.bucket == case.bucket,
            Approval.case_id == case.id,
            Approval.operator.in_(await logins_of(session, operator_id)),
        )
        .limit(1)
    )
    return found is not None


async def withdraw(session: Session, home_id: UUID, subject_id: UUID) -> None:
    """Close the open case about a subject that is no more, or asks for something else now; the subject is locked."""
    case = await open_for(session, home_id, subject_id)
    if case is not None:
        case.state, case.decided_at = CaseState.WITHDRAWN, session.now


async def waiting(session: Session, *, most: int = 100) -> Sequence[Case]:
    """Return the open cases, the most urgent first: across all homes, for whoever sits at the machine."""
    return (await session.scalars(_open().limit(most))).all()


async def overdue(session: Session, *, most: int = 100) -> Sequence[Case]:
    """Return the open cases whose deadline has passed, the latest of all first: across all homes."""
    return (await session.scalars(_open().where(Case.due_at <= session.now).limit(most))).all()


async def find(session: Session, case_id: UUID) -> Case:
    """Return a case.

    Raises:
        NotFound: there is none.
    """
    case: Case | None = await session.get(Case, (bucket_of(case_id), case_id), populate_existing=True)
    if case is None:
        raise NotFound
    return case


def require_claimed(session: Session, case: Case, operator_id: UUID) -> None:
    """Check that an operator holds an open case now.

    Raises:
        CaseAlreadyDecided: it is open no more.
        ReviewNotClaimed: they do not hold it.
    """
    if case.state is not CaseState.OPEN:
        raise CaseAlreadyDecided
    if case.claimed_by != operator_id or case.claimed_until is None or case.claimed_until <= session.now:
        raise ReviewNotClaimed


async def decide(session: Session, case_id: UUID, decision: Decision, actor: Actor) -> Case:
    """Take the decision of whoever holds a case, which gives it back.

    It stays open until as many have approved as it needs. One no is enough, and so is one who asks for more.

    Raises:
        CaseAlreadyDecided: it was withdrawn.
        ReviewNotClaimed: the operator does not hold it.
        OtherReviewerNeeded: this person has approved it before.
    """
    case = await session.get_one(Case, (bucket_of(case_id), case_id), with_for_update=True, populate_existing=True)
    assert actor.id is not None
    require_claimed(session, case, actor.id)
    case.claimed_by = case.claimed_until = None
    if decision.verdict is not Verdict.APPROVE:
        _close(session, case, _CLOSED[decision.verdict], decision)
    elif await _approve(session, case, actor.id):
        _close(session, case, CaseState.APPROVED, decision)
    await record(
        session,
        Action.REVIEW_DECIDED,
        case,
        actor,
        decision=decision.verdict.value,
        reason=decision.finding.value,
        state=case.state.value,
    )
    return case


async def record(session: Session, action: Action, case: Case, actor: Actor, **facts: str) -> None:
    """Write down what was done with a case, and for what purpose, with the owner and with the member.

    Both homes are locked.
    """
    for home_id in sorted({case.home_id, case.member_id}, key=bucket_of):
        await audit.record(
            session,
            action,
            home_id=home_id,
            actor=actor,
            on_behalf_of=case.member_id,
            facts={"case_id": str(case.id), "purpose": f"review_of_{case.purpose.value}", **facts},
        )


def _open() -> Select[Case]:
    return select(Case).where(Case.state == CaseState.OPEN).order_by(Case.due_at, Case.id)


def _close(session: Session, case: Case, state: CaseState, decision: Decision) -> None:
    case.state, case.decided_at, case.decision_reason = state, session.now, decision.finding.value


async def _approve(session: Session, case: Case, operator_id: UUID) -> bool:
    """Add an operator's yes to a locked case; say whether these are enough now."""
    if await has_approved(session, case, operator_id):
        raise OtherReviewerNeeded
    session.add(Approval(bucket=case.bucket, case_id=case.id, operator=str(operator_id), at=session.now))
    await session.flush()
    return await approvals(session, case) >= case.reviewers_needed
