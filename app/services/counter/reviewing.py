"""Looks without a card, reviewed by others than who has made them: listed, closed with a finding, counted late."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update

from app.core.db import Database, Session, bucket_of
from app.core.errors import Conflict, Denied, NotFound
from app.models.counter import EmergencyFinding, EmergencyLook, EmergencySlot
from app.ports.register import Register
from app.services import audit, cases
from app.services.audit import Action
from app.services.counter import serving
from app.services.operators import duties, sessions
from app.services.operators.duties import Duty
from app.services.operators.offices import within
from app.services.operators.sessions import Staff, StaffCaller
from app.services.people import homes

Remember = Callable[[Session, EmergencyLook], Awaitable[None]]


class EmergencyLookReviewed(Conflict):
    """Somebody has reviewed the look."""

    code = "emergency-look-reviewed"


class OwnLookNotReviewed(Denied):
    """The look is the reviewer's own, by this login or another."""

    code = "own-look-not-reviewed"


async def waiting(
    session: Session, staff: Staff, *, after: tuple[datetime, UUID] | None, most: int
) -> Sequence[EmergencyLook]:
    """Return the looks that wait for a review in the regions that an office serves, the most urgent first.

    It names nobody who was looked at, and goes across all homes.

    Raises:
        RoleNeeded, NotAtThisOffice: it is others' duty.
    """
    duties.require(staff, Duty.REVIEW_LOOKS)
    rows = await session.scalars(
        select(EmergencyLook)
        .where(
            EmergencyLook.reviewed_at.is_(None),
            EmergencyLook.region.startswith(within(staff.region), autoescape=True),
            *([] if after is None else [tuple_(EmergencyLook.due_at, EmergencyLook.id) > after]),
        )
        .order_by(EmergencyLook.due_at, EmergencyLook.id)
        .limit(most)
    )
    return rows.all()


async def review(
    db: Database,
    register: Register,
    caller: StaffCaller,
    look_id: UUID,
    finding: EmergencyFinding,
    remember: Remember,
) -> None:
    """Close a look with a finding; that gives its place back to who has made it.

    Args:
        remember: keeps the answer, in the transaction that closes.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, StaffSessionEnded: the reviewer may not.
        NotFound: there is none in the regions that the reviewer's office serves.
        EmergencyLookReviewed: somebody has closed it.
        OwnLookNotReviewed, ServiceOfOwnFamily: it is the reviewer's own, or about their family.
        RegisterUnavailable: whether it is about their family cannot be said.
    """
    duties.require(caller.staff, Duty.REVIEW_LOOKS)
    seen = await db.run(lambda session: _open(session, caller.staff, look_id))
    await serving.require_not_own(db, register, caller.staff, seen.person_id)
    await db.run(lambda session: _close(session, caller, seen, finding, remember))


async def late_by_office(session: Session) -> Mapping[str, int]:
    """Return how many looks are past the time for their review, for each office where they were made."""
    rows = await session.execute(
        select(EmergencyLook.office_id, func.count())
        .where(EmergencyLook.reviewed_at.is_(None), EmergencyLook.due_at <= session.now)
        .group_by(EmergencyLook.office_id)
    )
    late: Counter[str] = Counter()
    for office_id, count in rows:
        late[office_id] += count
    return late


async def _open(session: Session, staff: Staff, look_id: UUID) -> EmergencyLook:
    look = await session.get(EmergencyLook, (bucket_of(look_id), look_id), populate_existing=True)
    if look is None or not look.region.startswith(within(staff.region)):
        raise NotFound
    if str(look.operator_id) in await cases.logins_of(session, staff.id):
        raise OwnLookNotReviewed
    if look.reviewed_at is not None:
        raise EmergencyLookReviewed
    return look


async def _close(
    session: Session, caller: StaffCaller, seen: EmergencyLook, finding: EmergencyFinding, remember: Remember
) -> None:
    await homes.lock_rows(session, {seen.person_id, seen.operator_id})
    await sessions.require_going_on(session, caller)
    closed = await session.scalar(
        update(EmergencyLook)
        .where(EmergencyLook.bucket == seen.bucket, EmergencyLook.id == seen.id, EmergencyLook.reviewed_at.is_(None))
        .values(reviewed_at=session.now, reviewed_by=caller.staff.id, finding=finding)
        .returning(EmergencyLook.id)
        .execution_options(synchronize_session=False)
    )
    if closed is None:
        raise EmergencyLookReviewed
    await session.execute(
        delete(EmergencySlot)
        .where(
            EmergencySlot.bucket == bucket_of(seen.operator_id),
            EmergencySlot.operator_id == seen.operator_id,
            EmergencySlot.look_id == seen.id,
        )
        .execution_options(synchronize_session=False)
    )
    await audit.record(
        session,
        Action.EMERGENCY_REVIEWED,
        home_id=seen.person_id,
        actor=caller.staff.actor,
        facts={"look_id": str(seen.id), "finding": finding.value, "office": caller.staff.office_id},
    )
    await remember(session, await session.get_one(EmergencyLook, (seen.bucket, seen.id), populate_existing=True))
