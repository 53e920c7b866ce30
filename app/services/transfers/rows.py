"""The rows of transfers: what is under way, the steps taken, and the next step."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.core.db import Session, bucket_of
from app.models.transfers import ENDED, Transfer, TransferState, TransferStep
from app.ports.transfers import TransferInsurance, TransferNews, TransferRejection
from app.services import audit
from app.services.audit import Action


async def under_way(session: Session, person_id: UUID, insurance: TransferInsurance) -> UUID | None:
    """Return the person's transfer of an insurance that is under way, if there is one."""
    found: UUID | None = await session.scalar(
        select(Transfer.id).where(
            Transfer.bucket == bucket_of(person_id),
            Transfer.person_id == person_id,
            Transfer.insurance == insurance,
            Transfer.state.not_in([TransferState.DRAFT, *ENDED]),
        )
    )
    return found


async def timeline(session: Session, transfer: Transfer) -> Sequence[TransferStep]:
    """Return the steps a transfer has taken, in order."""
    rows = await session.scalars(
        select(TransferStep)
        .where(TransferStep.bucket == transfer.bucket, TransferStep.transfer_id == transfer.id)
        .order_by(TransferStep.number)
    )
    return rows.all()


async def step(session: Session, transfer: Transfer, to: TransferState, news: TransferNews | None = None) -> None:
    """Move a locked transfer on, by what a place has said or (None) by what was done here; written down.

    Raises:
        TransferStepNotAllowed: it is not where this follows.
    """
    transfer.advance(to)
    transfer.steps += 1
    session.add(
        TransferStep(
            bucket=transfer.bucket,
            transfer_id=transfer.id,
            number=transfer.steps,
            person_id=transfer.person_id,
            state=to,
            at=session.now if news is None else news.at,
            code=None if news is None else news.code,
            reason=None if news is None else news.reason,
            recorded_at=session.now,
        )
    )
    await session.flush()
    if news is not None:
        await audit.record(
            session,
            Action.TRANSFER_MOVED,
            home_id=transfer.person_id,
            actor=audit.SYSTEM,
            facts=facts(transfer, news.reason),
        )


def facts(transfer: Transfer, reason: TransferRejection | None = None) -> dict[str, str | int | bool | None]:
    """Return what the audit says of a transfer."""
    found: dict[str, str | int | bool | None] = {
        "transfer_id": str(transfer.id),
        "insurance": transfer.insurance.value,
        "state": transfer.state.value,
    }
    return found if reason is None else found | {"reason": reason.value}
