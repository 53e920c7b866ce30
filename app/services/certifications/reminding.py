"""Tells holder and family that it is time, that it is over, that payment stopped or came back: each once."""

from app.core.clock import today
from app.core.db import Session
from app.models.certifications import Recipient, Standing
from app.services import policies
from app.services.certifications.telling import tell_all
from app.services.certifications.turning import Turn

_AFTER_END = -1


async def remind(session: Session, recipient: Recipient) -> None:
    """Tell the most urgent reminder that is due and was not told yet; what was missed before it is not told any more.

    The row is locked, so two workers tell one.
    """
    if recipient.due_on is None or recipient.state in (Standing.IN_REVIEW, Standing.SUSPENDED):
        return
    rules = (await policies.current(session)).certifications
    left = (recipient.due_on - today(session.now)).days
    urgent = _AFTER_END if left < 0 else min((days for days in rules.remind_days if left <= days), default=None)
    if urgent is None or (recipient.reminded is not None and recipient.reminded <= urgent):
        return
    recipient.reminded = urgent
    message = "certification_lapsed" if urgent == _AFTER_END else "certification_due"
    await tell_all(session, recipient.person_id, message, due_on=recipient.due_on.isoformat())


async def tell_turn(session: Session, recipient: Recipient, turn: Turn) -> None:
    """Tell that payment was suspended or restored just now."""
    if turn.led_to(Standing.SUSPENDED):
        recipient.reminded = _AFTER_END
        await tell_all(session, recipient.person_id, "certification_suspended")
    elif turn.led_to(Standing.RESTORED):
        await tell_all(session, recipient.person_id, "certification_restored")
