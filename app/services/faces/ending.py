"""How a face check ends: once, whatever comes late, twice or out of order."""

from datetime import timedelta
from uuid import UUID

from app.core.db import Session
from app.models.faces import OPEN, FaceCheck, FaceCheckState
from app.ports.face import COUNTED, FaceDecision, FaceReason, FaceResult
from app.services import audit, outbox
from app.services.audit import Action, Actor
from app.services.faces import checks, frames, passes, tries

_ENDS = {
    FaceDecision.PASSED: FaceCheckState.PASSED,
    FaceDecision.FAILED: FaceCheckState.FAILED,
    FaceDecision.ERROR: FaceCheckState.FAILED,
    FaceDecision.CANCELLED: FaceCheckState.CANCELLED,
    FaceDecision.EXPIRED: FaceCheckState.EXPIRED,
    FaceDecision.PENDING: FaceCheckState.PROCESSING,
}
_LOOKED_AT = COUNTED | {FaceReason.OK, FaceReason.SOURCE_PHOTO_MISSING}  # people may have to look at what was seen
_PAUSE, _ASK_AGAIN = timedelta(seconds=2), timedelta(seconds=3)


async def apply(session: Session, check: FaceCheck, result: FaceResult, actor: Actor) -> bool:
    """Bring what the provider says into a locked check; say whether it has ended now, for the first time.

    What has ended never moves again, whatever comes late, twice or out of order.
    """
    to = _ENDS[result.decision]
    check.asked_until = session.now + _PAUSE if to is FaceCheckState.PROCESSING else None
    if to is FaceCheckState.PROCESSING:
        check.advance(to)
        check.due_at = min(check.expires_at, session.now + _ASK_AGAIN) if check.state in OPEN else None
        return False
    if check.state not in OPEN:
        return False
    check.provider_code = result.provider_code
    check.score_band = result.match.score_band.value if result.match.score_band else None
    await end(session, check, to, result.reason, actor)
    if result.reason in COUNTED and to is FaceCheckState.FAILED:
        await tries.count(session, check)
    await passes.remember(session, check)
    return True


async def end(session: Session, check: FaceCheck, to: FaceCheckState, reason: FaceReason, actor: Actor) -> None:
    """End an open check."""
    if not check.advance(to):
        return
    check.reason, check.ended_at, check.due_at, check.client = reason, session.now, None, None
    if reason in _LOOKED_AT:
        await frames.keep_best(session, check.id)
    else:
        await frames.let_go(session, check.id)
    if to in (FaceCheckState.CANCELLED, FaceCheckState.EXPIRED) and check.provider_ref is not None:
        outbox.tell(session, outbox.Kind.FACE_GIVEN_UP, check.home_id, check_id=str(check.id))
    await audit.record(
        session,
        Action.FACE_ENDED,
        home_id=check.home_id,
        actor=actor,
        on_behalf_of=check.member_id,
        facts={"check_id": str(check.id), "state": to.value, "reason": reason.value},
    )


async def give_up_open(session: Session, home_id: UUID, subject_id: UUID, actor: Actor) -> None:
    """End what is still open for a subject that was undone."""
    for check in await checks.open_of(session, home_id, subject_id):
        await end(session, check, FaceCheckState.CANCELLED, FaceReason.USER_CANCELLED, actor)
