"""Who serves whom, where and for what: a clerk and a terminal of one office, and never the clerk's own family."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Denied, Unauthenticated
from app.models.counter import Purpose
from app.models.terminals import TerminalPurpose
from app.ports.register import Register
from app.services import audit
from app.services.audit import Action, Actor
from app.services.links import kinship
from app.services.operators import duties
from app.services.operators.duties import Duty, NotAtThisOffice
from app.services.operators.registering import OwnNumberNeeded
from app.services.operators.sessions import RoleNeeded, Staff, StaffCaller, StaffSessionEnded
from app.services.people import homes
from app.services.terminals.requests import Calling

DUTY_OF: Final[Mapping[Purpose, Duty]] = {
    Purpose.ENQUIRY: Duty.LOOK_UP,
    Purpose.TREATMENT: Duty.LOOK_UP,
    Purpose.SHARING: Duty.BIND_SHARING,
    Purpose.ENROLMENT: Duty.ENROL,
    Purpose.LINK_ENDING: Duty.END_LINKS,
    Purpose.DISPUTE: Duty.DISPUTE_LINKS,
    Purpose.PASSWORD_UNLOCK: Duty.UNLOCK_PASSWORDS,
    Purpose.CERTIFICATION: Duty.ATTEST_IDENTITY,
    Purpose.PASSWORD_RESET: Duty.ATTEST_IDENTITY,
    Purpose.RECONFIRMATION: Duty.ATTEST_IDENTITY,
}
"""Whose work each purpose is."""


class SessionNotSigned(Unauthenticated):
    """The terminal has not signed whose request it is: `authorization` is no component of its signature."""

    code = "session-not-signed"
    challenge = "Signature"


class TerminalElsewhere(Denied):
    """The terminal stands at another office than the one where the operator works."""

    code = "terminal-elsewhere"


class TerminalNotAtCounter(Denied):
    """The terminal is not registered to read cards at a counter."""

    code = "terminal-not-at-counter"


class ServiceOfOwnFamily(Denied):
    """The person is the operator, or of their family."""

    code = "service-of-own-family"


REFUSALS = (RoleNeeded, NotAtThisOffice, OwnNumberNeeded, ServiceOfOwnFamily, StaffSessionEnded)
"""Every refusal of an operator who would serve somebody, for the documents of routes."""


@dataclass(frozen=True, slots=True)
class AtCounter:
    """One of the staff at a terminal of their office, which has signed their request."""

    caller: StaffCaller
    terminal: Calling

    @property
    def staff(self) -> Staff:
        """Who of the staff it is."""
        return self.caller.staff


@dataclass(frozen=True, slots=True)
class Serving:
    """Who serves whom, at which office, for what: by a card that was read, or (`read_id` None) by a paper shown."""

    caller: StaffCaller
    person_id: UUID
    purpose: Purpose
    read_id: UUID | None = None
    terminal_id: UUID | None = None

    @property
    def staff(self) -> Staff:
        """Who of the staff serves."""
        return self.caller.staff

    @property
    def actor(self) -> Actor:
        """Them, as audit events name them, with the channel that their counter is."""
        return replace(self.staff.actor, channel=self.staff.office_kind.channel.value)

    @property
    def facts(self) -> dict[str, str | int | bool | None]:
        """Where and for what, as audit events say it."""
        terminal = {} if self.terminal_id is None else {"terminal_id": str(self.terminal_id)}
        return {"purpose": self.purpose.value, "office": self.staff.office_id, **terminal}


def together(caller: StaffCaller, terminal: Calling) -> AtCounter:
    """Bring one of the staff and the terminal that has signed their request together.

    Raises:
        SessionNotSigned: what it has signed may be anybody's.
        TerminalElsewhere: it stands at another office.
        TerminalNotAtCounter: it is for other things.
    """
    if not terminal.has_signed_session:
        raise SessionNotSigned
    if terminal.office_id != caller.staff.office_id:
        raise TerminalElsewhere
    if TerminalPurpose.COUNTER not in terminal.purposes:
        raise TerminalNotAtCounter
    return AtCounter(caller, terminal)


def require_may(staff: Staff, purpose: Purpose) -> UUID:
    """Check that serving people for this is one of somebody's duties; return who they are themselves.

    Raises:
        RoleNeeded, NotAtThisOffice: it is not.
        OwnNumberNeeded: nobody knows who they are, nor whose relative.
    """
    duties.require(staff, DUTY_OF[purpose])
    if staff.person_id is None:
        raise OwnNumberNeeded
    return staff.person_id


async def by_paper(db: Database, register: Register, caller: StaffCaller, person_id: UUID, purpose: Purpose) -> Serving:
    """Serve somebody who has shown an identity document instead of their card; what is looked at is the caller's.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded: the operator may not.
        ServiceOfOwnFamily: not this person; that too is written down.
        RegisterUnavailable: whether it is their own family cannot be said.
    """
    serving = Serving(caller, person_id, purpose)
    await require_stranger(db, register, serving)
    return serving


async def require_stranger(db: Database, register: Register, serving: Serving) -> None:
    """Check that somebody may be served by an operator; no connection is held while the register thinks.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, RegisterUnavailable.
        ServiceOfOwnFamily: the person is the operator or of their family; that too is written down.
    """
    own = require_may(serving.staff, serving.purpose)
    if await kinship.is_related(db, register, own, {serving.person_id}):
        await db.run(lambda session: refused(session, serving, ServiceOfOwnFamily.code))
        raise ServiceOfOwnFamily


async def require_not_own(db: Database, register: Register, staff: Staff, person_id: UUID) -> None:
    """Check the same for whoever is no client at a counter: somebody without their card, or in a look to be reviewed.

    Raises:
        OwnNumberNeeded, RegisterUnavailable.
        ServiceOfOwnFamily: that too is written down.
    """
    if staff.person_id is None:
        raise OwnNumberNeeded
    if await kinship.is_related(db, register, staff.person_id, {person_id}):
        facts = {"purpose": "emergency", "office": staff.office_id}
        await db.run(lambda session: _refused(session, person_id, staff.actor, facts, ServiceOfOwnFamily.code))
        raise ServiceOfOwnFamily


async def refused(session: Session, serving: Serving, reason: str) -> None:
    """Write down in somebody's home that they were not served, by whom and why."""
    await _refused(session, serving.person_id, serving.actor, serving.facts, reason)


async def _refused(
    session: Session, person_id: UUID, actor: Actor, facts: Mapping[str, str | int | bool | None], reason: str
) -> None:
    await homes.lock(session, {person_id})
    await audit.record(
        session, Action.COUNTER_REFUSED, home_id=person_id, actor=actor, facts={**facts, "reason": reason}
    )
