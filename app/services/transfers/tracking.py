"""Follows the transfers that have left: asks the places now and then, and believes what follows from what they said.

Asked again they tell all steps from the first on. What they said before must still be said, and what is new must
follow from it; an answer that goes back, leaves something out or comes to an impossible state changes nothing, is
written into the log, and they are asked again later.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.core.errors import Unavailable
from app.models.transfers import ENDED, NEXT, Transfer, TransferState, Withdrawal
from app.ports.transfers import TransferNews, Transfers, TransfersUnavailable
from app.services import filings, policies
from app.services.filings import Pace
from app.services.transfers import rows

AT_ONCE: Final = 50
_BESIDE: Final = 4  # one that is slow to answer keeps few others waiting
_LEASE: Final = timedelta(minutes=2)  # longer than an answer may take

_log = logging.logger(__name__)


async def track_due(db: Database, port: Transfers) -> int:
    """Ask about the transfers that it is time to ask about; return how many."""
    found = await db.run(_due)
    free = asyncio.Semaphore(_BESIDE)

    async def in_turn(transfer_id: UUID) -> None:
        async with free:
            if await db.run(partial(_take, transfer_id)):
                await _track(db, port, transfer_id)

    await asyncio.gather(*map(in_turn, found))
    return len(found)


async def look_later(session: Session, transfer: Transfer) -> None:
    """Write down when the places are asked next."""
    rules = (await policies.current(session)).transfers
    pace = Pace(timedelta(minutes=rules.look_minutes), timedelta(minutes=rules.look_minutes_at_most))
    transfer.due_at = filings.next_look(session.now, transfer.id, pace, transfer.failures)


async def _track(db: Database, port: Transfers, transfer_id: UUID) -> None:
    try:
        news = await port.progress(transfer_id)
        await db.run(partial(_hear, transfer_id, news))
    except Unavailable:
        _log.warning("transfer_not_heard", transfer_id=str(transfer_id))
        await db.run(partial(_put_off, transfer_id))


async def _due(session: Session) -> Sequence[UUID]:
    rows = await session.scalars(
        select(Transfer.id).where(Transfer.due_at <= session.now).order_by(Transfer.due_at).limit(AT_ONCE)
    )
    return rows.all()


async def _take(transfer_id: UUID, session: Session) -> bool:
    """Take a transfer to ask about for two minutes, unless somebody was faster."""
    taken = await session.scalar(
        update(Transfer)
        .where(
            Transfer.bucket == bucket_of(transfer_id),
            Transfer.id == transfer_id,
            Transfer.due_at <= session.now,
        )
        .values(due_at=session.now + _LEASE)
        .returning(Transfer.id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


async def _hear(transfer_id: UUID, news: Sequence[TransferNews], session: Session) -> None:
    """Write down what is new, and tell of the last of it.

    Raises:
        TransfersUnavailable: it cannot be true.
    """
    transfer = await rows.locked_with_homes(session, transfer_id)
    if transfer.state in ENDED:
        return
    fresh = news[await _known(session, transfer, news) :]
    _require_possible(transfer.state, fresh)
    for each in fresh:
        await rows.step(session, transfer, TransferState(each.stage.value), each)
    if fresh:
        await filings.tell(session, rows.filed(transfer), f"transfer_{transfer.state.value}")
    if transfer.state in ENDED and transfer.withdrawal is Withdrawal.ASKED:
        transfer.withdrawal = None if transfer.state is TransferState.WITHDRAWN else Withdrawal.REFUSED
    transfer.heard_at, transfer.failures = session.now, 0
    if transfer.state not in ENDED:
        await look_later(session, transfer)


async def _known(session: Session, transfer: Transfer, news: Sequence[TransferNews]) -> int:
    heard = [(step.state.value, step.code) for step in await rows.timeline(session, transfer) if step.code is not None]
    if [(each.stage.value, each.code) for each in news[: len(heard)]] != heard:
        raise _not_believed("goes_back")
    return len(heard)


def _require_possible(state: TransferState, fresh: Sequence[TransferNews]) -> None:
    for each in fresh:
        following = TransferState(each.stage.value)
        if following not in NEXT[state]:
            raise _not_believed("does_not_follow")
        state = following


def _not_believed(why: str) -> TransfersUnavailable:
    _log.warning("transfer_not_believed", why=why)
    return TransfersUnavailable()


async def _put_off(transfer_id: UUID, session: Session) -> None:
    transfer = await rows.locked(session, transfer_id)
    if transfer.state not in ENDED:
        transfer.failures += 1
        await look_later(session, transfer)
