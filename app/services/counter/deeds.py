"""Something done at a window, once: by whom, and what is to hold in the very transaction of its effect."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from app.core.db import Database, Session
from app.models.counter import Purpose
from app.ports.register import Register
from app.services.audit import Actor
from app.services.counter import serving
from app.services.counter.serving import AtCounter, Serving
from app.services.operators import sessions
from app.services.operators.sessions import Staff, StaffCaller
from app.services.terminals import requests

CHANNEL: Final = "counter"


@dataclass(frozen=True, slots=True)
class Hand:
    """One of the staff who does something at a terminal; `confirm` is called where it is done, and may refuse it."""

    caller: StaffCaller
    terminal_id: UUID
    confirm: Callable[[Session], Awaitable[None]]

    @property
    def staff(self) -> Staff:
        """Who of the staff it is."""
        return self.caller.staff

    @property
    def actor(self) -> Actor:
        """Them, as audit events name them."""
        return replace(self.staff.actor, channel=CHANNEL)


def hand_at(at: AtCounter) -> Hand:
    """Return who does something at a counter now: their session goes on, and the request's nonce is taken once."""

    async def confirm(session: Session) -> None:
        await sessions.require_going_on(session, at.caller)
        await requests.take(session, at.terminal)

    return Hand(at.caller, at.terminal.id, confirm)


async def require_strangers(
    db: Database, register: Register, caller: StaffCaller, people: Collection[UUID], purpose: Purpose
) -> None:
    """Check that none of these people is of the operator's family.

    Raises:
        RoleNeeded, NotAtThisOffice, OwnNumberNeeded, ServiceOfOwnFamily, RegisterUnavailable.
    """
    serving.require_may(caller.staff, purpose)
    for person_id in sorted(people):
        await serving.require_stranger(db, register, Serving(caller, person_id, purpose))
