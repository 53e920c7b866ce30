"""Wire shapes of transfers of social insurance."""

from datetime import date
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from app import texts
from app.models.filings import FilingEnd
from app.models.transfers import TransferState, Withdrawal
from app.ports.transfers import TransferInsurance, TransferRejection
from app.schemas.base import Asked, Moment, Told
from app.schemas.next_steps import NextRead, WayRead
from app.services.transfers.checks import REFUSALS, Check
from app.services.transfers.drafting import Wanted
from app.services.transfers.viewing import PlaceView, StepView, TransferView

_Region = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
_OWN: Final = "me"


class TransferAsk(Asked):
    """What is to move: an insurance, from the place that keeps the record of one region to that of another."""

    insurance: TransferInsurance
    from_region: _Region = Field(description="GB/T 2260")
    to_region: _Region = Field(description="GB/T 2260")

    def wanted(self) -> Wanted:
        return Wanted(self.insurance, self.from_region, self.to_region)


class TransferPlaceRead(Told):
    """A region and the place that keeps its records, where one is known."""

    region: str
    name: str | None

    @classmethod
    def of(cls, place: PlaceView) -> Self:
        return cls(region=place.region, name=place.name)


class ObstacleRead(Told):
    """What stands in the way: the problem that handing it in would answer."""

    code: str
    title: str
    detail: str
    next: NextRead | None

    @classmethod
    def of(cls, code: str, language: str) -> Self:
        words = texts.problem(code, language)
        way_on = None if words.next is None else NextRead(action=code, href=None, text=words.next)
        return cls(code=code, title=words.title, detail=words.detail, next=way_on)


class TransferCheckRead(Told):
    """One thing that is looked at before a transfer is handed in."""

    check: Check
    passed: bool
    problem: ObstacleRead | None


class TransferStepRead(Told):
    """A step of the timeline; a leg that takes time has so many working days, and a last one."""

    state: TransferState
    text: str
    at: Moment
    code: str | None = Field(description="What the place itself calls it")
    reason: TransferRejection | None
    reason_text: str | None
    working_days: int | None = Field(description="Working days of China this may take")
    due_on: date | None
    due_is_estimate: bool = Field(description="The holidays of that year are not published yet")
    is_overdue: bool

    @classmethod
    def of(cls, step: StepView, language: str) -> Self:
        return cls(
            state=step.state,
            text=texts.filing("transfer_states", step.state, language),
            at=step.at,
            code=step.code,
            reason=step.reason,
            reason_text=None if step.reason is None else texts.filing("transfer_reasons", step.reason, language),
            working_days=step.working_days,
            due_on=None if step.due is None else step.due.on,
            due_is_estimate=step.due is not None and step.due.is_estimate,
            is_overdue=step.is_overdue,
        )


class TransferNextRead(WayRead):
    """What can be done now, and how."""

    step: Literal["submit", "withdraw"]


class TransferRead(Told):
    """A transfer: where it stands, and its one timeline."""

    id: str
    insurance: TransferInsurance
    from_place: TransferPlaceRead
    to_place: TransferPlaceRead
    state: TransferState
    state_text: str
    is_overdue: bool = Field(description="The leg it is on takes longer than it may")
    filed_by: Literal["self", "family"]
    checks: list[TransferCheckRead]
    timeline: list[TransferStepRead]
    withdrawal: Withdrawal | None = Field(description="What became of the wish to take it back, once it had left")
    not_submitted_because: FilingEnd | None
    not_submitted_text: str | None
    created_at: Moment
    as_of: Moment | None = Field(description="When the places were last heard")
    next: list[TransferNextRead]

    @classmethod
    def of(cls, view: TransferView, holder: UUID | None, language: str) -> Self:
        because = view.not_submitted_because
        return cls(
            id=str(view.id),
            insurance=view.insurance,
            from_place=TransferPlaceRead.of(view.old),
            to_place=TransferPlaceRead.of(view.new),
            state=view.state,
            state_text=texts.filing("transfer_states", view.state, language),
            is_overdue=view.is_overdue,
            filed_by="family" if view.is_by_family else "self",
            checks=[_check(check, is_passed=is_passed, language=language) for check, is_passed in view.checks],
            timeline=[TransferStepRead.of(step, language) for step in view.timeline],
            withdrawal=view.withdrawal,
            not_submitted_because=because,
            not_submitted_text=None if because is None else texts.filing("filing_ends", because, language),
            created_at=view.created_at,
            as_of=view.heard_at,
            next=list(_next(view, f"/v1/holders/{holder or _OWN}/transfers/{view.id}")),
        )


def _check(check: Check, *, is_passed: bool, language: str) -> TransferCheckRead:
    problem = None if is_passed else ObstacleRead.of(REFUSALS[check].code, language)
    return TransferCheckRead(check=check, passed=is_passed, problem=problem)


def _next(view: TransferView, here: str) -> list[TransferNextRead]:
    found = []
    if view.may_submit:
        found.append(TransferNextRead(step="submit", method="POST", href=f"{here}/submission"))
    if view.may_withdraw:
        found.append(TransferNextRead(step="withdraw", method="DELETE", href=here))
    return found
