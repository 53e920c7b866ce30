"""What somebody has spent, and what was spent of theirs, newest first, with the months' sums.

Each reads their own side: who has spent sees where and out of whose account; who has paid for another sees who and how
much, and not where, for where somebody is treated is theirs alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Select, func, literal, select, tuple_, union_all

from app.core.db import Session, bucket_of
from app.models.draws import Draw, DrawPart, DrawReversal, DrawShare, DrawState
from app.models.operators import Office
from app.services.accounts.sessions import Caller
from app.services.draws import orders
from app.services.draws.previewing import person_of
from app.services.draws.splitting import NOTHING
from app.services.people import homes
from app.services.people.names import mask_name

_MONTHS = 12
Place = tuple[datetime, UUID]


class Side(StrEnum):
    """Whether somebody has spent it, or paid for another who has."""

    SPENT = "spent"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class From:
    """What one account gave to a draw of one's own; `name` is its owner's, masked, unless it is one's own."""

    amount: Decimal
    binding_id: UUID | None
    name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """A draw as one of its sides sees it.

    `amount` is what was to be paid, for who has paid for another what was theirs of it; `spender` is the other's masked
    name.
    """

    id: UUID
    side: Side
    amount: Decimal
    covered: Decimal
    drawn_at: datetime
    reversed_at: datetime | None
    office: str | None = None
    parts: Sequence[From] = ()
    spender: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Month:
    """What was spent in a month of China's calendar: of one's own, of others', and by others of one's own."""

    month: date
    own: Decimal
    from_others: Decimal
    for_others: Decimal


async def page(session: Session, caller: Caller, after: Place | None, most: int) -> Sequence[Item]:
    """Return the caller's draws from a place on, and one more than `most` where there are more.

    Raises:
        OwnCardNeeded: nobody has shown by this account who they are.
    """
    person_id = await person_of(session, caller)
    names = _Names(session)
    rows = (await session.execute(_places(person_id, after, most + 1))).all()
    return [
        await (_spent(session, row.id, names) if row.side == Side.SPENT else _paid(session, person_id, row.id, names))
        for row in rows
    ]


async def months(session: Session, caller: Caller) -> Sequence[Month]:
    """Return the sums of the last twelve months in which there was something, newest first; given back is not spent.

    Raises:
        OwnCardNeeded: nobody has shown by this account who they are.
    """
    person_id = await person_of(session, caller)
    bucket = bucket_of(person_id)
    is_own = DrawPart.binding_id.is_(None)
    spent = await session.execute(
        select(
            Draw.month,
            func.coalesce(func.sum(DrawPart.amount).filter(is_own), NOTHING),
            func.coalesce(func.sum(DrawPart.amount).filter(~is_own), NOTHING),
        )
        .join(DrawPart, (DrawPart.bucket == Draw.bucket) & (DrawPart.draw_id == Draw.id))
        .outerjoin(DrawReversal, (DrawReversal.bucket == Draw.bucket) & (DrawReversal.draw_id == Draw.id))
        .where(
            Draw.bucket == bucket,
            Draw.spender_id == person_id,
            Draw.state == DrawState.SETTLED,
            DrawReversal.reversed_at.is_(None),
        )
        .group_by(Draw.month)
    )
    paid = await session.execute(
        select(DrawShare.month, func.sum(DrawShare.amount))
        .where(
            DrawShare.bucket == bucket,
            DrawShare.payer_id == person_id,
            DrawShare.state == DrawState.SETTLED,
            DrawShare.reversed_at.is_(None),
        )
        .group_by(DrawShare.month)
    )
    by_month = {month: (own, others) for month, own, others in spent}
    for_others = {month: amount for month, amount in paid}
    newest = sorted({*by_month, *for_others}, reverse=True)[:_MONTHS]
    return [Month(month, *by_month.get(month, (NOTHING, NOTHING)), for_others.get(month, NOTHING)) for month in newest]


class _Names:
    """Masked names, each asked once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[UUID, str | None] = {}

    async def of(self, person_id: UUID) -> str | None:
        """Return somebody's, unless nobody knows any more."""
        if person_id not in self._known:
            person = await homes.find_person(self._session, person_id)
            self._known[person_id] = None if person is None else mask_name(person.name)
        return self._known[person_id]


def _places(person_id: UUID, after: Place | None, most: int) -> Select[tuple[UUID, str, datetime]]:
    """Return both sides' draws in one order: two lists of one home, of what is known to be paid."""
    bucket = bucket_of(person_id)
    both = union_all(
        select(Draw.id.label("id"), literal(Side.SPENT.value).label("side"), Draw.drawn_at.label("at")).where(
            Draw.bucket == bucket, Draw.spender_id == person_id, Draw.state == DrawState.SETTLED
        ),
        select(DrawShare.draw_id, literal(Side.PAID.value), DrawShare.drawn_at).where(
            DrawShare.bucket == bucket, DrawShare.payer_id == person_id, DrawShare.state == DrawState.SETTLED
        ),
    ).subquery()
    found = select(both.c.id, both.c.side, both.c.at).order_by(both.c.at.desc(), both.c.id.desc()).limit(most)
    return found if after is None else found.where(tuple_(both.c.at, both.c.id) < after)


async def _spent(session: Session, draw_id: UUID, names: _Names) -> Item:
    draw = await session.get_one(Draw, (bucket_of(draw_id), draw_id))
    drawn = await orders.as_drawn(session, draw)
    office = await session.get(Office, draw.office_id)
    parts = await orders.parts_of(session, draw_id)
    in_order = sorted(parts, key=lambda part: (part.binding_id is not None, part.payer_id))
    return Item(
        id=draw_id,
        side=Side.SPENT,
        amount=draw.amount,
        covered=draw.covered,
        drawn_at=draw.drawn_at,
        reversed_at=drawn.reversed_at,
        office=None if office is None else office.name,
        parts=[
            From(part.amount, part.binding_id, None if part.binding_id is None else await names.of(part.payer_id))
            for part in in_order
        ],
    )


async def _paid(session: Session, payer_id: UUID, draw_id: UUID, names: _Names) -> Item:
    share = await session.get_one(DrawShare, (bucket_of(payer_id), payer_id, draw_id), populate_existing=True)
    return Item(
        id=draw_id,
        side=Side.PAID,
        amount=share.amount,
        covered=share.amount,
        drawn_at=share.drawn_at,
        reversed_at=share.reversed_at,
        spender=await names.of(share.spender_id),
    )
