"""The rows of transfers: found as the person's whose they are, locked, and moved on step by step."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.transfers import ENDED, Transfer, TransferState, TransferStep
from app.ports.transfers import TransferInsurance, TransferNews, TransferRejection
from app.services import audit, filings
from app.services.audit import Action
from app.services.filings import Filed


def filed(transfer: Transfer) -> Filed:
    """Return what filings share of it."""
    return Filed(transfer.id, transfer.person_id, transfer.filed_by, transfer.link_id)


async def of_person(session: Session, person_id: UUID, transfer_id: UUID) -> Transfer:
    """Return one of a person's transfers.

    Raises:
        NotFound: it is not theirs.
    """
    found: Transfer | None = await session.get(Transfer, (bucket_of(transfer_id), transfer_id), populate_existing=True)
    if found is None or found.person_id != person_id:
        raise NotFound
    return found


async def locked(session: Session, transfer_id: UUID) -> Transfer:
    """Return a transfer that is there, locked; the homes are locked before it."""
    return await session.get_one(
        Transfer, (bucket_of(transfer_id), transfer_id), with_for_update=True, populate_existing=True
    )


async def locked_with_homes(session: Session, transfer_id: UUID) -> Transfer:
    """Return a transfer that is there, locked with the homes of whom it concerns."""
    seen = await session.get_one(Transfer, (bucket_of(transfer_id), transfer_id), populate_existing=True)
    await filings.lock(session, filed(seen))
    return await locked(session, transfer_id)


async def page(session: Session, person_id: UUID, after: tuple[datetime, UUID] | None, most: int) -> Sequence[Transfer]:
    """Return a person's transfers, the newest first, from behind a row on."""
    statement = select(Transfer).where(Transfer.bucket == bucket_of(person_id), Transfer.person_id == person_id)
    if after is not None:
        statement = statement.where(tuple_(Transfer.created_at, Transfer.id) < after)
    rows = await session.scalars(statement.order_by(Transfer.created_at.desc(), Transfer.id.desc()).limit(most))
    return rows.all()


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
