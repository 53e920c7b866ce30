"""An authority that pays benefits, in tables of our own: for the demo, and to see how one behaves."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.clock import today
from app.core.db import Database, Session, new_id
from app.models.stand_ins import BenefitRecord, BenefitReport
from app.ports.certifications import (
    Benefit,
    Certifications,
    CertifiedKind,
    Entitlement,
    PaymentState,
    Receipt,
    Refusal,
    Report,
    Way,
)

_NUMBER: Final = "benefit-number"
_RECORD: Final = "benefit_record.record"
_RECEIPT: Final = "benefit_report.receipt"
_MONTHS: Final = 12
_GRACE_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Paid:
    """A benefit as this authority keeps it: what it pays a month, and what it paid back last."""

    kind: CertifiedKind
    monthly: Decimal = field(repr=False)
    restored_on: date | None = None
    back_paid_months: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What this authority knows of somebody; the number is not kept in it."""

    benefits: tuple[Paid, ...] = field(repr=False)
    certified_on: date
    way: Way


_RECORDS: TypeAdapter[Record] = TypeAdapter(Record)
_RECEIPTS: TypeAdapter[Receipt] = TypeAdapter(Receipt)


class EmbeddedCertifications(Certifications):
    """Pays while a certification counts, stops 30 days after its end, and pays back once somebody is certified."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def entitlement(self, number: str) -> Entitlement:
        async def read(session: Session) -> Entitlement:
            row = await _row(session, number)
            return Entitlement() if row is None else _entitlement(_opened(session, row), today(session.now))

        return await self._db.run(read)

    async def report(self, report: Report) -> Receipt:
        async def hear(session: Session) -> Receipt:
            row = await _row(session, report.number, for_update=True)  # who tells the same at once waits here
            heard = await session.get(BenefitReport, report.order)
            if heard is not None:
                said = session.vault.system.open_bytes(_RECEIPT, report.order, heard.receipt)
                return _RECEIPTS.validate_json(said)
            if row is None:
                receipt = Receipt(report.order, Entitlement(), Refusal.NOT_ENTITLED)
            else:
                record = _certified(_opened(session, row), report)
                row.record = session.vault.system.seal_bytes(_RECORD, row.id, _RECORDS.dump_json(record))
                receipt = Receipt(report.order, _entitlement(record, today(session.now)))
            sealed = session.vault.system.seal_bytes(_RECEIPT, report.order, _RECEIPTS.dump_json(receipt))
            await session.execute(
                insert(BenefitReport)
                .values(order_id=report.order, receipt=sealed, heard_at=session.now)
                .on_conflict_do_nothing()
            )
            return receipt

        return await self._db.run(hear)

    async def put(self, records: Sequence[tuple[str, Record]]) -> None:
        """Take in what is known of people by their numbers; who is known already stays as they are."""

        async def take(session: Session) -> None:
            for number, record in records:
                if await _row(session, number) is None:
                    await session.execute(
                        insert(BenefitRecord).values(_values(session, number, record)).on_conflict_do_nothing()
                    )

        await self._db.run(take)

    async def match(self, number: str, day: date, way: Way = Way.DATA_MATCH) -> None:
        """Certify somebody by what others know of them, without anybody doing anything.

        Raises:
            LookupError: they get no benefit.
        """

        async def certify(session: Session) -> None:
            row = await _row(session, number, for_update=True)
            if row is None:
                raise LookupError("nobody who gets a benefit has this number")
            record = _since(_opened(session, row), day, way)
            row.record = session.vault.system.seal_bytes(_RECORD, row.id, _RECORDS.dump_json(record))

        await self._db.run(certify)


def _values(session: Session, number: str, record: Record) -> dict[str, object]:
    row_id: UUID = new_id(0)
    return {
        "id": row_id,
        "number_hmac": session.lookup.digest(_NUMBER, number),
        "record": session.vault.system.seal_bytes(_RECORD, row_id, _RECORDS.dump_json(record)),
    }


async def _row(session: Session, number: str, *, for_update: bool = False) -> BenefitRecord | None:
    found = select(BenefitRecord).where(BenefitRecord.number_hmac.in_(session.lookup.digests(_NUMBER, number)))
    row: BenefitRecord | None = await session.scalar(found.with_for_update() if for_update else found)
    return row


def _opened(session: Session, row: BenefitRecord) -> Record:
    return _RECORDS.validate_json(session.vault.system.open_bytes(_RECORD, row.id, row.record))


def _certified(record: Record, report: Report) -> Record:
    return _since(record, today(report.certified_at), report.way)


def _since(record: Record, day: date, way: Way) -> Record:
    """Return what is known after a certification: what was not paid meanwhile is paid back."""
    missed = _suspended_since(record, day)
    months = 0 if missed is None else (day.year - missed.year) * 12 + day.month - missed.month + 1
    paid = [replace(each, restored_on=day if months else None, back_paid_months=months) for each in record.benefits]
    return Record(tuple(paid), day, way)


def _entitlement(record: Record, day: date) -> Entitlement:
    since = _suspended_since(record, day)
    return Entitlement(
        benefits=tuple(_benefit(each, since) for each in record.benefits),
        certified_on=record.certified_on,
        way=record.way,
        due_on=_after(record.certified_on, _MONTHS),
    )


def _benefit(paid: Paid, suspended_since: date | None) -> Benefit:
    if suspended_since is not None:
        return Benefit(paid.kind, PaymentState.SUSPENDED, suspended_since=suspended_since)
    if paid.restored_on is None:
        return Benefit(paid.kind, PaymentState.PAID)
    return Benefit(
        paid.kind,
        PaymentState.RESTORED,
        restored_on=paid.restored_on,
        back_paid=paid.monthly * paid.back_paid_months,
        back_paid_months=paid.back_paid_months,
    )


def _suspended_since(record: Record, day: date) -> date | None:
    """Return the first month that was not paid on a day, if one was not: the first that began after the grace."""
    due_on = _after(record.certified_on, _MONTHS)
    if (day - due_on).days <= _GRACE_DAYS:
        return None
    return _after(due_on.replace(day=1), 1)


def _after(day: date, months: int) -> date:
    """Return the same day so many months later, or that month's 28th where it may have no such day."""
    month = day.month - 1 + months
    return date(day.year + month // 12, month % 12 + 1, min(day.day, 28))
