"""Finds the accounts that somebody can pay with, in their order: one's own, then those that are shared."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import today
from app.core.db import Session, bucket_of
from app.models.cards import Card
from app.models.draws import DrawPart, SharingMonth
from app.models.people import Home
from app.models.sharing import FundsOrder
from app.ports.medical_funds import MedicalFunds, MedicalFundsUnavailable
from app.services.draws.splitting import NOTHING, Part, Source
from app.services.people import homes
from app.services.sharing import reading
from app.services.sharing.reading import Sharer

_LATER_SECONDS: Final = 5  # when to ask again, where nothing better is known

Balances = Mapping[UUID, Decimal]
Numbers = Mapping[UUID, str | None]


class Patience(IntEnum):
    """How many seconds the port may take: somebody stands before the terminal, nobody before a worker."""

    TERMINAL = 3
    WORKER = 30


def month_of(moment: datetime) -> date:
    """Return the first day of the month that it is in China."""
    return today(moment).replace(day=1)


async def numbers(session: Session, spender_id: UUID) -> Numbers:
    """Return the numbers of the spender and of all who share with them."""
    sharers = await reading.sharers_of(session, spender_id)
    return await numbers_of(session, [spender_id, *(sharer.owner_id for sharer in sharers.sharers)])


async def numbers_of(session: Session, person_ids: Iterable[UUID]) -> Numbers:
    """Return people's numbers; None where nobody knows any more."""
    found = {person_id: await homes.find_person(session, person_id) for person_id in person_ids}
    return {person_id: None if person is None else person.number for person_id, person in found.items()}


async def balances(port: MedicalFunds, numbers: Numbers) -> Balances:
    """Ask what is in people's accounts; no connection is held meanwhile.

    Raises:
        MedicalFundsUnavailable: it cannot be said in time.
    """
    if not numbers:
        return {}
    async with in_time(Patience.TERMINAL):
        found = await port.balances(frozenset(number for number in numbers.values() if number is not None))
    return {
        person_id: NOTHING if number is None else found.get(number, NOTHING) for person_id, number in numbers.items()
    }


@contextlib.asynccontextmanager
async def in_time(patience: Patience) -> AsyncIterator[None]:
    """Wait for the port no longer than that.

    Raises:
        MedicalFundsUnavailable: it does not answer, or not in time.
    """
    try:
        async with asyncio.timeout(patience):
            yield
    except (MedicalFundsUnavailable, TimeoutError) as error:
        seconds = error.retry_after_seconds if isinstance(error, MedicalFundsUnavailable) else None
        raise MedicalFundsUnavailable(retry_after_seconds=seconds or _LATER_SECONDS) from error


async def sources(session: Session, spender_id: UUID, balances: Balances) -> Sequence[Source]:
    """Return the accounts as they stand; where nothing may come between, the homes of all in `balances` are locked.

    Who shares and is not in there does so only since then: that came afterwards.
    """
    sharers = await reading.sharers_of(session, spender_id)
    own = Source(spender_id, balances.get(spender_id, NOTHING))
    known = [sharer for sharer in sharers.sharers if sharer.owner_id in balances]
    shared = [await _source(session, sharer, balances[sharer.owner_id]) for sharer in known]
    if sharers.order is FundsOrder.HIGHEST_BALANCE:
        shared.sort(key=lambda source: source.balance, reverse=True)
    return [own, *shared]


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


async def give_back_months(session: Session, parts: Iterable[DrawPart], drawn_at: datetime) -> None:
    """Take what is not spent after all off the month in which it was drawn."""
    for part in parts:
        if part.binding_id is not None:
            await session.execute(
                update(SharingMonth)
                .where(*_month(part.payer_id, part.binding_id, drawn_at))
                .values(drawn=SharingMonth.drawn - part.amount)
                .execution_options(synchronize_session=False)
            )


async def _source(session: Session, sharer: Sharer, balance: Decimal) -> Source:
    left = None
    if sharer.monthly_cap is not None:
        spent = await session.scalar(
            select(SharingMonth.drawn).where(*_month(sharer.owner_id, sharer.binding_id, session.now))
        )
        left = max(NOTHING, sharer.monthly_cap - (spent or NOTHING))
    return Source(
        payer_id=sharer.owner_id,
        balance=balance,
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
