"""One reviewer holds a case for a while: claimed by compare-and-set, prolonged, given back, or over by itself."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import ColumnElement, or_, update

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict, Denied
from app.models.cases import Case, CasePurpose, CaseState
from app.models.enrolments import Enrolment
from app.ports.register import Register
from app.services import cases, policies
from app.services.audit import Action
from app.services.enrolments import attesting
from app.services.links import kinship
from app.services.operators.registering import OwnNumberNeeded
from app.services.operators.sessions import Staff
from app.services.people import homes
from app.services.reviews import concerned, queue
from app.services.reviews.queue import Hold

Remember = Callable[[Session, Case], Awaitable[None]]


class ReviewClaimed(Conflict):
    """Another reviewer holds the case."""

    code = "review-claimed"


class ReviewOfOwnFamily(Denied):
    """The case is about the reviewer, or about somebody of their family."""

    code = "review-of-own-family"


async def claim(db: Database, register: Register, staff: Staff, case_id: UUID, remember: Remember) -> None:
    """Hold a case for a quarter of an hour (policy); who holds it already holds it for so long from now.

    Args:
        remember: keeps the answer, in the transaction that claims.

    Raises:
        NotFound: there is none in the regions that the reviewer's office serves.
        CaseAlreadyDecided, ReviewClaimed.
        OtherReviewerNeeded: the reviewer has approved it already.
        OwnNumberNeeded: nobody knows who the reviewer is, nor whose relative.
        ReviewOfOwnFamily: that too is written down.
        RegisterUnavailable: whether it is their own family cannot be said.
    """
    case, people = await db.run(lambda session: _free(session, staff, case_id))
    own = staff.person_id
    if own is None:
        raise OwnNumberNeeded
    if await kinship.is_related(db, register, own, people):
        await db.run(lambda session: _refused(session, case, staff))
        raise ReviewOfOwnFamily
    await db.run(lambda session: _claim(session, staff, case, remember))


async def give_back(session: Session, staff: Staff, case_id: UUID) -> None:
    """Give a case back that the reviewer holds; one that they do not hold is as good.

    Raises:
        NotFound: there is none in the regions that the reviewer's office serves.
    """
    case = await queue.one(session, staff, case_id)
    await homes.lock(session, {case.home_id, case.member_id})
    given = await session.scalar(
        update(Case)
        .where(*_row(case), Case.claimed_by == staff.id, Case.claimed_until > session.now)
        .values(claimed_by=None, claimed_until=None)
        .returning(Case.id)
        .execution_options(synchronize_session=False)
    )
    if given is not None:
        await cases.record(session, Action.REVIEW_GIVEN_BACK, case, staff.actor)


async def _free(session: Session, staff: Staff, case_id: UUID) -> tuple[Case, frozenset[UUID]]:
    """Return a case that may be claimed, and whom it is about."""
    case = await queue.one(session, staff, case_id)
    if case.state is not CaseState.OPEN:
        raise cases.CaseAlreadyDecided
    if await cases.has_approved(session, case, staff.id) or await _has_attested(session, case, staff):
        raise cases.OtherReviewerNeeded
    if queue.hold_of(session, staff, case) is Hold.SOMEBODY:
        raise _taken(session, case)
    return case, await concerned.people_of(session, case)


async def _has_attested(session: Session, case: Case, staff: Staff) -> bool:
    """Say whether the reviewer, by whatever login, has seen the member at a window: that takes another's eyes."""
    if case.purpose is not CasePurpose.ENROLMENT:
        return False
    enrolment = await session.get_one(Enrolment, (bucket_of(case.subject_id), case.subject_id))
    attested = await attesting.in_force(session, enrolment)
    return attested is not None and str(attested.operator_id) in await cases.logins_of(session, staff.id)


async def _claim(session: Session, staff: Staff, seen: Case, remember: Remember) -> None:
    minutes = (await policies.current(session)).reviews.claim_minutes
    await homes.lock(session, {seen.home_id, seen.member_id})
    claimed = await session.scalar(
        update(Case)
        .where(
            *_row(seen),
            Case.state == CaseState.OPEN,
            or_(Case.claimed_until.is_(None), Case.claimed_until <= session.now, Case.claimed_by == staff.id),
        )
        .values(claimed_by=staff.id, claimed_until=session.now + timedelta(minutes=minutes))
        .returning(Case.id)
        .execution_options(synchronize_session=False)
    )
    case = await cases.find(session, seen.id)
    if claimed is None:
        raise cases.CaseAlreadyDecided if case.state is not CaseState.OPEN else _taken(session, case)
    await cases.record(session, Action.REVIEW_CLAIMED, case, staff.actor)
    await remember(session, case)


def _taken(session: Session, case: Case) -> ReviewClaimed:
    until = case.claimed_until or session.now
    return ReviewClaimed(retry_after_seconds=max(1, ceil((until - session.now).total_seconds())))


def _row(case: Case) -> tuple[ColumnElement[bool], ...]:
    return Case.bucket == case.bucket, Case.id == case.id


async def _refused(session: Session, case: Case, staff: Staff) -> None:
    await homes.lock(session, {case.home_id, case.member_id})
    await cases.record(session, Action.REVIEW_CLAIM_REFUSED, case, staff.actor, reason=ReviewOfOwnFamily.code)
