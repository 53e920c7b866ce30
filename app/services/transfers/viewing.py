"""A transfer as people read it: one timeline, each leg with its clock in working days, and what can be done now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from uuid import UUID

from app.core.clock import today
from app.core.db import Database, Session
from app.models.filings import FilingEnd
from app.models.transfers import WITHDRAWABLE, Transfer, TransferState, TransferStep, Withdrawal
from app.ports.transfers import TransferInsurance, TransferRejection
from app.services import authority, policies, workdays
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.filings import finding
from app.services.rules import Policies
from app.services.transfers import rows
from app.services.transfers.checks import Check
from app.services.workdays import Due


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A place: its region as it was asked for, and its name, if anybody is known to keep its records."""

    region: str
    name: str | None


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the timeline; a leg that takes time has working days, their last day, and whether that has passed."""

    state: TransferState
    at: datetime
    code: str | None
    reason: TransferRejection | None
    working_days: int | None
    due: Due | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class TransferView:
    """All of it; `checks` say what was found before it was handed in, True where nothing is in the way."""

    id: UUID
    insurance: TransferInsurance
    old: PlaceView
    new: PlaceView
    state: TransferState
    is_by_family: bool
    checks: tuple[tuple[Check, bool], ...]
    timeline: tuple[StepView, ...]
    withdrawal: Withdrawal | None
    not_submitted_because: FilingEnd | None
    may_submit: bool
    may_withdraw: bool
    created_at: datetime
    heard_at: datetime | None

    @property
    def is_overdue(self) -> bool:
        """Whether the leg it is on takes longer than it may."""
        return bool(self.timeline) and self.timeline[-1].is_overdue


async def read(db: Database, caller: Caller, holder: UUID | None, transfer_id: UUID) -> TransferView:
    """Return one of a holder's transfers.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: it is not there for the caller.
    """

    async def work(session: Session, acting: Acting) -> TransferView:
        return await view(session, await finding.of_person(session, Transfer, acting.person_id, transfer_id))

    return await authority.look(db, caller, holder, Action.TRANSFERS_SEEN, work)


async def list_all(
    db: Database, caller: Caller, holder: UUID | None, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[Sequence[TransferView], TransferView | None]:
    """Return a page of a holder's transfers, the newest first, and its last one where more follow.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: they are not there for the caller.
    """

    async def work(session: Session, acting: Acting) -> list[TransferView]:
        found = await finding.page(session, Transfer, acting.person_id, after, limit + 1)
        return [await view(session, transfer) for transfer in found]

    views = await authority.look(db, caller, holder, Action.TRANSFERS_SEEN, work)
    return views[:limit], views[limit - 1] if len(views) > limit else None


async def view(session: Session, transfer: Transfer) -> TransferView:
    """Return a transfer as it stands."""
    rules = await policies.current(session)
    steps = await rows.timeline(session, transfer)
    ends: list[datetime | None] = [step.at for step in steps[1:]]
    failing = transfer.obstacles.split()
    is_draft = transfer.state is TransferState.DRAFT
    return TransferView(
        id=transfer.id,
        insurance=transfer.insurance,
        old=PlaceView(transfer.from_region, transfer.from_name),
        new=PlaceView(transfer.to_region, transfer.to_name),
        state=transfer.state,
        is_by_family=transfer.link_id is not None,
        checks=tuple((check, check.value not in failing) for check in Check),
        timeline=tuple(_step(rules, step, end, session.now) for step, end in zip_longest(steps, ends)),
        withdrawal=transfer.withdrawal,
        not_submitted_because=transfer.not_submitted_because,
        may_submit=is_draft and not failing,
        may_withdraw=transfer.state in WITHDRAWABLE and transfer.withdrawal is None,
        created_at=transfer.created_at,
        heard_at=transfer.heard_at,
    )


def _step(rules: Policies, step: TransferStep, end: datetime | None, now: datetime) -> StepView:
    days = rules.transfers.legs.get(step.state.value)
    due = None if days is None else workdays.after(rules.workdays, today(step.at), days)
    return StepView(
        state=step.state,
        at=step.at,
        code=step.code,
        reason=step.reason,
        working_days=days,
        due=due,
        is_overdue=due is not None and today(end or now) > due.on,
    )
