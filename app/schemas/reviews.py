"""Wire shapes of the queue of reviews, and of what is decided."""

from typing import Final, Self

from pydantic import Field

from app.models.cases import CasePurpose, CaseReason, CaseState, Finding, Risk, Verdict
from app.ports.face import ScoreBand
from app.schemas.base import Asked, Moment, Told
from app.services.cases import Decision
from app.services.reviews.queue import Hold, Waiting

HINT: Final = Field(description="How near a machine finds the face to the register's portrait; it decides nothing")


class WaitingRead(Told):
    """A case in the queue: nothing of anybody in it."""

    id: str
    purpose: CasePurpose
    reason: CaseReason
    risks: list[Risk]
    region: str
    opened_at: Moment
    due_at: Moment
    is_overdue: bool
    face_hint: ScoreBand | None = HINT
    reviewers_needed: int
    approvals: int
    has_approved: bool = Field(description="I have approved it already; another has to")
    hold: Hold | None = Field(description="Who holds it now, until `claimed_until`")
    claimed_until: Moment | None

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        case = waiting.case
        return cls(
            id=str(case.id),
            purpose=case.purpose,
            reason=case.reason,
            risks=[Risk(risk) for risk in case.risks.split()],
            region=case.region,
            opened_at=case.opened_at,
            due_at=case.due_at,
            is_overdue=waiting.is_overdue,
            face_hint=case.face_hint,
            reviewers_needed=case.reviewers_needed,
            approvals=waiting.approvals,
            has_approved=waiting.has_approved,
            hold=waiting.hold,
            claimed_until=None if waiting.hold is None else case.claimed_until,
        )


class ClaimRead(Told):
    """A case that is held now; read it next."""

    id: str
    claimed_until: Moment


class DecisionAsk(Asked):
    """What is decided, and why: one of the case's `choices`."""

    decision: Verdict
    reason: Finding

    def decided(self) -> Decision:
        return Decision(self.decision, self.reason)


class DecisionRead(Told):
    """What came of it: `open` as long as another has to approve it too."""

    id: str
    state: CaseState
    reviewers_needed: int
    approvals: int
