"""Finds the accounts that somebody can pay with, in their order: one's own, then those that are shared."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import today
from app.core.db import Session, bucket_of
from app.models.cards import Card
from app.models.draws import SharingMonth
from app.models.people import Home
from app.models.sharing import FundsOrder
from app.services.draws.splitting import NOTHING, Part, Source
from app.services.medical_accounts import booking
from app.services.sharing import reading
from app.services.sharing.reading import Sharer, Sharers


def month_of(moment: datetime) -> date:
    """Return the first day of the month that it is in China."""
    return today(moment).replace(day=1)


async def look(session: Session, spender_id: UUID) -> Sequence[Source]:
    """Return the accounts as they stand, without a lock."""
    sharers = await reading.sharers_of(session, spender_id)
    payers = [spender_id, *(sharer.owner_id for sharer in sharers.sharers)]
    found = {payer_id: await booking.balance_of(session, payer_id) for payer_id in payers}
    return await _sources(session, spender_id, sharers, found)


async def lock(session: Session, spender_id: UUID, known: Sequence[UUID]) -> Sequence[Source]:
    """Return the same with the accounts locked; the homes of the spender and of `known`, who share, are.

    Who shares only since then is not among them: that came afterwards.
    """
    sharers = await reading.sharers_of(session, spender_id)
    still = [sharer for sharer in sharers.sharers if sharer.owner_id in known]
    found = await booking.lock(session, {spender_id, *(sharer.owner_id for sharer in still)})
    return await _sources(session, spender_id, Sharers(sharers.order, still), found)


async def note_month(session: Session, part: Part, spent_at: datetime) -> None:
    """Count what a shared account gives against its month; the database refuses what is above the cap."""
    source = part.source
    assert source.binding_id is not None
    row = {
        "bucket": bucket_of(source.payer_id),
        "owner_id": source.payer_id,
        "binding_id": source.binding_id,
        "month": month_of(spent_at),
    }
    new = insert(SharingMonth).values(**row, drawn=part.amount, cap=source.cap)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=list(row), set_={"drawn": SharingMonth.drawn + part.amount, "cap": source.cap}
        ).execution_options(synchronize_session=False)
    )


async def give_back_month(session: Session, payer_id: UUID, binding_id: UUID, amount: Decimal, at: datetime) -> None:
    """Take what was given back off the month in which it was spent."""
    await session.execute(
        update(SharingMonth)
        .where(*_month(payer_id, binding_id, at))
        .values(drawn=SharingMonth.drawn - amount)
        .execution_options(synchronize_session=False)
    )


async def _sources(
    session: Session, spender_id: UUID, sharers: Sharers, balances: Mapping[UUID, Decimal | None]
) -> Sequence[Source]:
    own = Source(spender_id, balances.get(spender_id) or NOTHING)
    shared = [await _source(session, sharer, balances.get(sharer.owner_id)) for sharer in sharers.sharers]
    if sharers.order is FundsOrder.HIGHEST_BALANCE:
        shared.sort(key=lambda source: source.balance, reverse=True)
    return [own, *shared]


async def _source(session: Session, sharer: Sharer, balance: Decimal | None) -> Source:
    left = None
    if sharer.monthly_cap is not None:
        spent = await session.scalar(
            select(SharingMonth.drawn).where(*_month(sharer.owner_id, sharer.binding_id, session.now))
        )
        left = max(NOTHING, sharer.monthly_cap - (spent or NOTHING))
    return Source(
        payer_id=sharer.owner_id,
        balance=balance or NOTHING,
        binding_id=sharer.binding_id,
        relationship=sharer.relationship,
        is_paused=sharer.is_paused,
        is_gone=await _is_gone(session, sharer.owner_id),
        cap=sharer.monthly_cap,
        left_of_cap=left,
    )


async def _is_gone(session: Session, payer_id: UUID) -> bool:
    """Say whether somebody has closed their account here, or has died and the binding's end is still on its way."""
    key = (bucket_of(payer_id), payer_id)
    home = await session.get_one(Home, key, populate_existing=True)
    card = await session.get(Card, key, populate_existing=True)
    return home.erased_at is not None or (card is not None and card.closed_at is not None)


def _month(payer_id: UUID, binding_id: UUID, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SharingMonth.bucket == bucket_of(payer_id),
        SharingMonth.owner_id == payer_id,
        SharingMonth.binding_id == binding_id,
        SharingMonth.month == month_of(at),
    )
