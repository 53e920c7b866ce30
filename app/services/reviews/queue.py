"""What waits for people in the regions that a reviewer's office serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, tuple_

from app.core.db import Session
from app.core.errors import NotFound
from app.models.cases import Approval, Case, CaseState
from app.ports.face import ScoreBand
from app.services import cases
from app.services.operators.offices import within
from app.services.operators.sessions import Staff


class ReviewFilter(StrEnum):
    """Which cases: all open ones, those past their deadline, those that the reviewer holds."""

    OPEN = "open"
    OVERDUE = "overdue"
    MINE = "mine"


class Hold(StrEnum):
    """Who holds a case now."""

    MINE = "mine"
    SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case in the queue, as a reviewer sees it: nothing of anybody in it."""

    case: Case
    approvals: int
    has_approved: bool
    hold: Hold | None
    is_overdue: bool


async def waiting(
    session: Session,
    staff: Staff,
    shown: ReviewFilter,
    *,
    hint: ScoreBand | None = None,
    after: tuple[datetime, UUID] | None,
    most: int,
) -> Sequence[Waiting]:
    """Return the cases that a reviewer may see, the most urgent first: across all homes.

    Args:
        hint: only those whose face a machine finds so near to the register's portrait.
        after: when the last one that is known is due, and its id.
    """
    yes = (Approval.bucket == Case.bucket) & (Approval.case_id == Case.id)
    own = exists().where(yes, Approval.operator.in_(await cases.logins_of(session, staff.id)))
    count = select(func.count()).select_from(Approval).where(yes).scalar_subquery()
    rows = await session.execute(
        select(Case, count, own)
        .where(
            Case.state == CaseState.OPEN,
            Case.region.startswith(within(staff.region), autoescape=True),
            *_which(session, staff, shown),
            *([] if hint is None else [Case.face_hint == hint]),
            *([] if after is None else [tuple_(Case.due_at, Case.id) > after]),
        )
        .order_by(Case.due_at, Case.id)
        .limit(most)
    )
    return [
        Waiting(case, approvals, has_approved, hold_of(session, staff, case), case.due_at <= session.now)
        for case, approvals, has_approved in rows
    ]


async def one(session: Session, staff: Staff, case_id: UUID) -> Case:
    """Return a case, open or decided, of the regions that a reviewer's office serves.

    Raises:
        NotFound: there is none there.
    """
    case = await cases.find(session, case_id)
    if not case.region.startswith(within(staff.region)):
        raise NotFound
    return case


async def held(session: Session, staff: Staff, case_id: UUID) -> Case:
    """Return an open case that the reviewer holds now.

    Raises:
        NotFound, CaseAlreadyDecided, ReviewNotClaimed.
    """
    case = await one(session, staff, case_id)
    cases.require_claimed(session, case, staff.id)
    return case


def hold_of(session: Session, staff: Staff, case: Case) -> Hold | None:
    """Say who holds a case now."""
    if case.claimed_until is None or case.claimed_until <= session.now:
        return None
    return Hold.MINE if case.claimed_by == staff.id else Hold.SOMEBODY


def _which(session: Session, staff: Staff, shown: ReviewFilter) -> tuple[ColumnElement[bool], ...]:
    match shown:
        case ReviewFilter.OPEN:
            return ()
        case ReviewFilter.OVERDUE:
            return (Case.due_at <= session.now,)
        case ReviewFilter.MINE:
            return (Case.claimed_by == staff.id, Case.claimed_until > session.now)
