"""Leads somebody on: by time, by what the authority says, by what a certification has shown."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from app.core.clock import SHANGHAI, today
from app.core.db import Session
from app.models.certifications import NEXT, Event, Recipient, Standing
from app.ports.certifications import Entitlement
from app.services import policies
from app.services.certifications import rows, stages
from app.services.rules.filing import Certifications


@dataclass(frozen=True, slots=True)
class Turn:
    """Where somebody stood and stands."""

    before: Standing
    now: Standing
    said: Entitlement = field(repr=False)

    def led_to(self, to: Standing) -> bool:
        """Say whether it has led there just now."""
        return self.now is to and self.before is not to


async def by_time(session: Session, recipient: Recipient) -> Turn:
    """Lead a locked recipient to where time has led since they were looked at last."""
    rules = (await policies.current(session)).certifications
    said, before = await rows.entitlement(session, recipient), recipient.state
    recipient.advance(Event.TIME, today_at(recipient, said, rules, session.now))
    recipient.staged_on = today(session.now)
    return Turn(before, recipient.state, said)


def today_at(recipient: Recipient, said: Entitlement, rules: Certifications, now: datetime) -> Standing:
    """Return where a recipient stands today, though time may have led on since they were looked at last."""
    stage = stages.at(said, today(now), rules)
    has_moved = stage is not stages.at(said, recipient.staged_on, rules)
    leads = stage in NEXT[recipient.state].get(Event.TIME, frozenset())
    return stage if has_moved and leads else recipient.state


async def by_learning(session: Session, recipient: Recipient, said: Entitlement) -> Turn:
    """Lead a locked recipient to where they stand by what the authority says now, and keep that.

    People go on looking, unless what it says settles that.
    """
    rules = (await policies.current(session)).certifications
    known, day, before = await rows.entitlement(session, recipient), today(session.now), recipient.state
    stage = stages.at(said, day, rules)
    goes_on = before is Standing.IN_REVIEW and said.certified_on == known.certified_on and bool(said.benefits)
    if stage is not stages.at(known, recipient.staged_on, rules) and not goes_on:
        recipient.advance(Event.LEARN, stage)
    await _keep(session, recipient, said, rules)
    return Turn(before, recipient.state, said)


async def by_passing(session: Session, recipient: Recipient, said: Entitlement) -> Turn:
    """Lead a locked recipient to where they stand once we and the authority agree that they are certified."""
    rules = (await policies.current(session)).certifications
    before = recipient.state
    recipient.advance(Event.PASS, Standing.RESTORED if stages.certified(said) is Standing.RESTORED else Standing.PASSED)
    await _keep(session, recipient, said, rules)
    return Turn(before, recipient.state, said)


async def by_declining(session: Session, recipient: Recipient, *, was_face: bool) -> None:
    """Lead a locked recipient out of review to where time has led meanwhile."""
    rules = (await policies.current(session)).certifications
    stage = stages.at(await rows.entitlement(session, recipient), today(session.now), rules)
    if was_face and stage in (Standing.DUE_SOON, Standing.DUE):
        stage = Standing.FACE_FAILED
    recipient.advance(Event.DECLINE, stage)
    recipient.staged_on = today(session.now)


def next_look(recipient: Recipient, rules: Certifications, now: datetime) -> datetime:
    """Return when to look at somebody again: when time leads on, somebody is to be reminded, or after a week."""
    if recipient.due_on is None:
        return now + timedelta(days=rules.look_days_others)
    regular = now + timedelta(days=rules.look_days)
    days_left = {*rules.remind_days, rules.soon_days, rules.due_days, -1, -rules.lapse_days - 1}
    mornings = (
        datetime.combine(recipient.due_on - timedelta(days=days), time(rules.remind_hour), SHANGHAI)
        for days in days_left
    )
    return min([regular, *(morning.astimezone(now.tzinfo) for morning in mornings if morning > now)])


async def _keep(session: Session, recipient: Recipient, said: Entitlement, rules: Certifications) -> None:
    until = stages.due_on(said, rules)
    if until != recipient.due_on:
        recipient.due_on, recipient.reminded = until, None
    recipient.staged_on = today(session.now)
    await rows.keep(session, recipient, said)
    recipient.look_at = next_look(recipient, rules, session.now)
