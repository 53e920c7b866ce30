"""Which terminals there are: added with a public key, removed. Whoever does it sits at the machine."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, new_id
from app.core.errors import Conflict, NotFound
from app.models.people import HomeKind
from app.models.terminals import Terminal, TerminalPurpose
from app.services import audit
from app.services.audit import Action
from app.services.operators import offices
from app.services.people import homes
from app.services.terminals.requests import bucket_of_name


class TerminalKnown(Conflict):
    """There is or was a terminal of this name; it is no other's."""

    code = "terminal-known"


@dataclass(frozen=True, slots=True)
class NewTerminal:
    """A terminal to be added; `public_key` as `core.tokens.requests.public_key` makes it."""

    name: str
    office_id: str
    public_key: bytes = field(repr=False)
    purposes: Set[TerminalPurpose]


async def add(session: Session, new: NewTerminal) -> Terminal:
    """Add a terminal, with a home that its coming and going is written down in.

    Raises:
        TerminalKnown: the name is taken, be it by one that was removed.
        NotFound: there is no such office.
    """
    bucket = bucket_of_name(session.lookup, new.name)
    if await _of_name(session, new.name) is not None:
        raise TerminalKnown
    office = await offices.one(session, new.office_id)
    terminal_id = new_id(bucket)
    await homes.create(session, HomeKind.TERMINAL, terminal_id)
    terminal = Terminal(
        bucket=bucket,
        id=terminal_id,
        name=new.name,
        office_id=office.id,
        public_key=new.public_key,
        may_identify=TerminalPurpose.IDENTIFY in new.purposes,
        may_medical=TerminalPurpose.MEDICAL in new.purposes,
        may_pay=TerminalPurpose.PAY in new.purposes,
        may_counter=TerminalPurpose.COUNTER in new.purposes,
        added_at=session.now,
        removed_at=None,
    )
    session.add(terminal)
    await session.flush()
    scopes = " ".join(sorted(new.purposes))
    await _record(session, Action.TERMINAL_ADDED, terminal_id, office=office.id, purposes=scopes)
    return terminal


async def remove(session: Session, name: str) -> Terminal:
    """Hear a terminal no more, from its next request on; what it has read stays written down.

    Raises:
        NotFound: there is none of this name.
    """
    terminal = await _of_name(session, name)
    if terminal is None or terminal.removed_at is not None:
        raise NotFound
    terminal.removed_at = session.now
    await _record(session, Action.TERMINAL_REMOVED, terminal.id)
    return terminal


async def everything(session: Session) -> Sequence[Terminal]:
    """Return all terminals by their names, those that were removed too: across all homes."""
    return (await session.scalars(select(Terminal).order_by(Terminal.name))).all()


async def _of_name(session: Session, name: str) -> Terminal | None:
    terminal: Terminal | None = await session.scalar(
        select(Terminal)
        .where(Terminal.bucket == bucket_of_name(session.lookup, name), Terminal.name == name)
        .with_for_update()
    )
    return terminal


async def _record(session: Session, action: Action, terminal_id: UUID, **facts: str) -> None:
    await audit.record(session, action, home_id=terminal_id, actor=audit.SYSTEM, facts=facts)
