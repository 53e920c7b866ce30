"""What offices got on a day by draws, and gave back, terminal by terminal, for whoever settles with them.

An office's account in the book lies in one place, so its whole day is read there in one statement: what that sums to is
the office's total, to the cent. Which terminal it was is looked up afterwards, some draws at a time; no sum changes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select

from app.core.clock import SHANGHAI
from app.core.db import Database, Session, bucket_of
from app.models.draws import Draw, DrawReversal
from app.models.medical_accounts import LedgerEntry, Movement
from app.models.terminals import Terminal
from app.services.draws.splitting import NOTHING
from app.services.medical_accounts.booking import office_account

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Total:
    """What one terminal of an office has drawn and given back on a day; without a name it is not known which it was."""

    terminal: str | None
    draws: int
    drawn: Decimal
    reversals: int
    returned: Decimal

    @property
    def net(self) -> Decimal:
        """What the office has got."""
        return self.drawn - self.returned


@dataclass(frozen=True, slots=True)
class _Entry:
    movement_id: UUID
    kind: Movement
    amount: Decimal


async def of_office(db: Database, office_id: str, day: date) -> Sequence[Total]:
    """Return what an office's terminals have drawn and given back on a day of China's calendar, by their names.

    A movement is of the day on which it was known to be paid or given back, so a day that is over stays as it is. What
    was given back counts for the terminal that did it.
    """
    entries = await db.run(partial(_entries, office_id, day))
    terminals = dict[UUID, str | None]()
    for place in range(0, len(entries), _AT_ONCE):
        terminals |= await db.run(partial(_terminals, entries[place : place + _AT_ONCE]))
    by_name = defaultdict[str | None, list[_Entry]](list)
    for entry in entries:
        by_name[terminals.get(entry.movement_id)].append(entry)
    return [_total(name, of) for name, of in sorted(by_name.items(), key=lambda each: each[0] or "")]


def _total(name: str | None, entries: Sequence[_Entry]) -> Total:
    drawn = [entry.amount for entry in entries if entry.kind is Movement.DRAW]
    returned = [-entry.amount for entry in entries if entry.kind is not Movement.DRAW]
    return Total(name, len(drawn), sum(drawn, NOTHING), len(returned), sum(returned, NOTHING))


async def _entries(office_id: str, day: date, session: Session) -> Sequence[_Entry]:
    account, begins = office_account(office_id), datetime.combine(day, time(), SHANGHAI)
    found = await session.execute(
        select(LedgerEntry.movement_id, LedgerEntry.kind, LedgerEntry.amount).where(
            LedgerEntry.bucket == bucket_of(account),
            LedgerEntry.account_id == account,
            LedgerEntry.booked_at >= begins,
            LedgerEntry.booked_at < begins + timedelta(days=1),
        )
    )
    return [_Entry(row.movement_id, row.kind, row.amount) for row in found]


async def _terminals(entries: Sequence[_Entry], session: Session) -> Mapping[UUID, str | None]:
    """Return which terminal some movements are of."""
    draws = [entry.movement_id for entry in entries if entry.kind is Movement.DRAW]
    reversals = [entry.movement_id for entry in entries if entry.kind is not Movement.DRAW]
    made = await session.execute(
        select(Draw.id, Draw.terminal_id).where(Draw.bucket.in_(set(map(bucket_of, draws))), Draw.id.in_(draws))
    )
    given_back = await session.execute(
        select(DrawReversal.movement_id, DrawReversal.terminal_id).where(
            DrawReversal.bucket.in_(set(map(bucket_of, reversals))), DrawReversal.movement_id.in_(reversals)
        )
    )
    whose = {movement_id: terminal_id for movement_id, terminal_id in (*made, *given_back)}
    names = await session.execute(
        select(Terminal.id, Terminal.name).where(
            Terminal.bucket.in_(set(map(bucket_of, whose.values()))), Terminal.id.in_(whose.values())
        )
    )
    known = {row.id: row.name for row in names}
    return {movement_id: known.get(terminal_id) for movement_id, terminal_id in whose.items()}
