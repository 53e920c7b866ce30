"""Takes transfers back: at once what has not left, and by asking the places what has."""

from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Conflict
from app.models.transfers import WITHDRAWABLE, Transfer, TransferState, Withdrawal
from app.ports import Ports
from app.services import audit, authority, outbox
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.filings import finding, telling
from app.services.links import Service
from app.services.transfers import rows, submitting, viewing
from app.services.transfers.viewing import TransferView


class TransferTooLate(Conflict):
    """The old place is at it already, or all is over: it cannot be taken back any more."""

    code = "transfer-too-late"


async def withdraw(db: Database, caller: Caller, holder: UUID | None, transfer_id: UUID) -> TransferView:
    """Take a transfer back; one that has left is asked back, and again is no second wish.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        TransferTooLate: it cannot be taken back any more.
    """

    async def work(session: Session, acting: Acting) -> TransferView:
        await finding.of_person(session, Transfer, acting.person_id, transfer_id)
        transfer = await finding.locked(session, Transfer, transfer_id)
        is_done = transfer.state is TransferState.WITHDRAWN or transfer.withdrawal is Withdrawal.ASKED
        if not is_done:
            await _withdraw(session, acting, transfer)
        return await viewing.view(session, transfer)

    return await authority.act(db, caller, holder, Service.FILE, work)


async def carry(db: Database, ports: Ports, transfer_id: UUID) -> None:
    """Ask the places to give a transfer back; they have it first, so that a late submission does not come after.

    Raises:
        TransfersUnavailable: it is not known whether they do; ask again.
    """
    await submitting.carry(db, ports, transfer_id)
    transfer = await db.run(lambda session: finding.locked(session, Transfer, transfer_id))
    if transfer.withdrawal is Withdrawal.ASKED and transfer.state in WITHDRAWABLE:
        is_given_back = await ports.transfers.withdraw(transfer_id)
        await db.run(partial(_answered, transfer_id, is_given_back))


async def _withdraw(session: Session, acting: Acting, transfer: Transfer) -> None:
    if transfer.state not in WITHDRAWABLE or transfer.withdrawal is Withdrawal.REFUSED:
        raise TransferTooLate
    await audit.record(
        session,
        Action.TRANSFER_WITHDRAWAL_ASKED,
        home_id=acting.person_id,
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        facts=rows.facts(transfer),
    )
    if transfer.left_at is None:
        await rows.step(session, transfer, TransferState.WITHDRAWN)
        return
    transfer.withdrawal = Withdrawal.ASKED
    outbox.tell(session, outbox.Kind.WITHDRAW_TRANSFER, transfer.person_id, transfer_id=str(transfer.id))


async def _answered(transfer_id: UUID, is_given_back: bool, session: Session) -> None:  # noqa: FBT001 - what was said
    transfer = await finding.locked_with_homes(session, Transfer, transfer_id)
    if transfer.state not in WITHDRAWABLE or transfer.withdrawal is not Withdrawal.ASKED:
        return
    if is_given_back:
        transfer.withdrawal = None
        await rows.step(session, transfer, TransferState.WITHDRAWN)
        await telling.tell(session, transfer, "transfer_withdrawn")
    else:
        transfer.withdrawal = Withdrawal.REFUSED
        await telling.tell(session, transfer, "transfer_withdrawal_refused")
