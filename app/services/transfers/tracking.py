"""Follows the transfers that have left, by what the places say."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.models.transfers import ENDED, NEXT, Transfer, TransferState, Withdrawal
from app.ports.transfers import TransferNews, Transfers
from app.services import policies
from app.services.filings import finding, looking, telling
from app.services.filings.looking import NotBelieved
from app.services.transfers import rows


async def track_due(db: Database, port: Transfers) -> int:
    """Ask about the transfers that it is time to ask about; return how many."""
    return await looking.look_due(db, Transfer, partial(_look, db, port), look_later)


async def look_later(session: Session, transfer: Transfer) -> None:
    """Write down when the places are asked next."""
    looking.set_due(session, transfer, (await policies.current(session)).transfers)


async def _look(db: Database, port: Transfers, transfer_id: UUID) -> None:
    news = await port.progress(transfer_id)
    await db.run(partial(_hear, transfer_id, news))


async def _hear(transfer_id: UUID, news: Sequence[TransferNews], session: Session) -> None:
    """Write down what is new, and tell of the last of it.

    Raises:
        NotBelieved: it cannot be true.
    """
    transfer = await finding.locked_with_homes(session, Transfer, transfer_id)
    if transfer.state in ENDED:
        return
    fresh = looking.fresh(news, [(step.state, step.code) for step in await rows.timeline(session, transfer)])
    for each in fresh:
        to = TransferState(each.stage.value)
        if to not in NEXT[transfer.state]:
            raise NotBelieved("does_not_follow")
        await rows.step(session, transfer, to, each)
    if fresh:
        await telling.tell(session, transfer, f"transfer_{transfer.state.value}")
    if transfer.state in ENDED and transfer.withdrawal is Withdrawal.ASKED:
        transfer.withdrawal = None if transfer.state is TransferState.WITHDRAWN else Withdrawal.REFUSED
    transfer.heard_at, transfer.failures = session.now, 0
    if transfer.state not in ENDED:
        await look_later(session, transfer)
