"""Places that stand in for real ones: five towns of a province that is not assigned, which move insurance by our clock.

What a town does follows from the day an order came and from the day it is, so the development clock plays it: within
seven weeks all is done. One town is not online, one finds no record, one is late.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from app.adapters.weekdays import weekdays_after
from app.core.db import Database, Session
from app.models.stand_ins import FiledTransfer
from app.ports.transfers import (
    Place,
    TransferInsurance,
    TransferNews,
    TransferOrder,
    TransferRejection,
    Transfers,
    TransferStage,
    TransfersUnavailable,
)

_MOVED: Final = frozenset({TransferInsurance.PENSION, TransferInsurance.MEDICAL, TransferInsurance.UNEMPLOYMENT})
PLACES: Final[Mapping[str, Place]] = {
    place.region: place
    for place in (
        Place("100100", "东溪市", is_online=True, insurances=_MOVED),
        Place("100200", "西岭市", is_online=True, insurances=_MOVED),
        Place("100300", "南浦市", is_online=False, insurances=_MOVED),
        Place("100400", "北原市", is_online=True, insurances=_MOVED),
        Place("100500", "中洲市", is_online=True, insurances=_MOVED),
        Place("100600", "云岭市", is_online=True, insurances=frozenset({TransferInsurance.PENSION})),
    )
}
_WITHOUT_RECORDS: Final = "100400"
_LATE: Final = "100500"
_MORNING: Final = time(10)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a place does, how many weekdays after the order came, and its code for it."""

    days: int
    stage: TransferStage
    code: str
    reason: TransferRejection | None = None


_USUAL: Final = (
    _Plan(1, TransferStage.REVIEWING_AT_NEW_PLACE, "11"),
    _Plan(9, TransferStage.LETTER_SENT, "12"),
    _Plan(11, TransferStage.REVIEWING_AT_OLD_PLACE, "21"),
    _Plan(20, TransferStage.FUNDS_SENT, "22"),
    _Plan(22, TransferStage.FUNDS_RECEIVED, "31"),
    _Plan(23, TransferStage.SETTLING, "32"),
    _Plan(33, TransferStage.DONE, "33"),
)
_REJECTED: Final = (
    *_USUAL[:3],
    _Plan(14, TransferStage.REJECTED, "91/R02", TransferRejection.NO_RECORD),
)
_SLOW: Final = (*_USUAL[:1], *(_Plan(each.days + 20, each.stage, each.code) for each in _USUAL[1:]))


class EmbeddedTransfers(Transfers):
    """The towns of the demo, and a table of the orders they have."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def place(self, region: str) -> Place | None:
        return PLACES.get(f"{region[:4]}00")

    async def submit(self, order: TransferOrder) -> TransferNews | None:
        async def put(session: Session) -> None:
            await session.execute(
                insert(FiledTransfer)
                .values(
                    order_id=order.id,
                    from_region=order.from_region,
                    to_region=order.to_region,
                    insurance=order.insurance,
                    filed_at=session.now,
                )
                .on_conflict_do_nothing()
            )

        await self._db.run(put)
        return None

    async def progress(self, order_id: UUID) -> tuple[TransferNews, ...]:
        async def read(session: Session) -> tuple[TransferNews, ...]:
            order = await session.get(FiledTransfer, order_id)
            if order is None:
                raise TransfersUnavailable
            return tuple(_steps(order, session.now))

        return await self._db.run(read)

    async def withdraw(self, order_id: UUID) -> bool:
        async def take_back(session: Session) -> bool:
            order = await session.get(FiledTransfer, order_id, with_for_update=True)
            if order is None:
                raise TransfersUnavailable
            if order.withdrawn_at is None and not any(_is_too_late(each) for each in _steps(order, session.now)):
                await session.execute(
                    update(FiledTransfer).where(FiledTransfer.order_id == order_id).values(withdrawn_at=session.now)
                )
                return True
            return order.withdrawn_at is not None

        return await self._db.run(take_back)


def _steps(order: FiledTransfer, now: datetime) -> Iterator[TransferNews]:
    until = now if order.withdrawn_at is None else order.withdrawn_at
    for each in _plan(order):
        at = weekdays_after(order.filed_at, each.days, _MORNING)
        if at <= until:
            yield TransferNews(each.stage, at, each.code, each.reason)
    if order.withdrawn_at is not None:
        yield TransferNews(TransferStage.WITHDRAWN, order.withdrawn_at, "92")


def _plan(order: FiledTransfer) -> tuple[_Plan, ...]:
    if order.from_region[:4] == _WITHOUT_RECORDS[:4]:
        return _REJECTED
    return _SLOW if _LATE[:4] in (order.from_region[:4], order.to_region[:4]) else _USUAL


def _is_too_late(news: TransferNews) -> bool:
    return news.stage not in (TransferStage.REVIEWING_AT_NEW_PLACE, TransferStage.LETTER_SENT)
