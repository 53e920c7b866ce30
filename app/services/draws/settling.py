"""Asks whoever keeps the accounts to pay a draw that is written down, and writes down what they said: once.

No connection is held while they think. Until it is known a draw stays pending: the same order asked again goes on with
it, and so does a worker. Our id is their order number, so that it is one payment however often it is asked.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update

from app.core import logging
from app.core.db import Database, Session, bucket_of
from app.models.draws import Draw, DrawOrder, DrawPart, DrawShare, DrawState
from app.models.medical_accounts import Movement
from app.ports.medical_funds import FundsOrder, FundsRefusal, MedicalFunds, MedicalFundsUnavailable
from app.services import outbox
from app.services.draws import funds, orders, recording
from app.services.draws.funds import Patience
from app.services.draws.orders import Drawn, MedicalFundsShort
from app.services.medical_accounts import booking
from app.services.people import homes

ASKED_AGAIN_AFTER: Final = timedelta(seconds=10)  # whoever began is over then, or dead

_log = logging.logger(__name__)


async def settle(
    db: Database, port: MedicalFunds, draw_id: UUID, patience: Patience = Patience.TERMINAL
) -> Drawn | FundsRefusal:
    """Have a draw paid that is pending, and return it, or why nothing was; known before, it is answered the same.

    Raises:
        MedicalFundsUnavailable: it is not known whether it was; settle it again.
    """
    asked = await db.run(partial(_asked, draw_id))
    if not isinstance(asked, FundsOrder):
        return asked
    async with funds.in_time(patience):
        refusal = await port.settle(asked)
    return await db.run(partial(_record, draw_id, refusal))


def settle_later(session: Session, draw: Draw) -> None:
    """Let a worker see to it, should whoever has begun not come to an end."""
    outbox.tell(session, outbox.Kind.SETTLE_DRAW, draw.spender_id, after=ASKED_AGAIN_AFTER, draw_id=str(draw.id))


async def is_waiting(session: Session, person_id: UUID) -> bool:
    """Say whether somebody spends or pays something just now of which it is not known how it ended."""
    bucket = bucket_of(person_id)
    spent = select(Draw.id).where(Draw.bucket == bucket, Draw.spender_id == person_id, Draw.state == DrawState.PENDING)
    paid = select(DrawShare.draw_id).where(
        DrawShare.bucket == bucket, DrawShare.payer_id == person_id, DrawShare.state == DrawState.PENDING
    )
    found = [await session.scalar(each.limit(1)) for each in (spent, paid)]
    return any(found)


async def _asked(draw_id: UUID, session: Session) -> FundsOrder | Drawn | FundsRefusal:
    draw = await session.get_one(Draw, (bucket_of(draw_id), draw_id))
    if draw.state is DrawState.SETTLED:
        return await orders.as_drawn(session, draw)
    if draw.state is DrawState.REFUSED:
        return FundsRefusal.SHORT
    parts = await orders.parts_of(session, draw_id)
    numbers = await funds.numbers_of(session, [part.payer_id for part in parts])
    given = dict[str, Decimal]()
    for part in parts:
        number = numbers[part.payer_id]
        assert number is not None, "nobody who pays is forgotten meanwhile: see privacy.ending"
        given[number] = part.amount
    return FundsOrder(draw_id, draw.office_id, given)


async def _record(draw_id: UUID, refusal: FundsRefusal | None, session: Session) -> Drawn | FundsRefusal:
    draw, parts = await locked(session, draw_id)
    if draw.state is not DrawState.PENDING:
        return await _known(session, draw, refusal)
    draw.state = DrawState.SETTLED if refusal is None else DrawState.REFUSED
    for part in parts:
        if part.binding_id is not None:
            await _mark(session, part, draw.state)
    if refusal is None:
        given = {part.payer_id: part.amount for part in parts}
        await booking.book(session, Movement.DRAW, draw.id, given, draw.office_id)
        await recording.drawn(session, draw, parts)
        return await orders.as_drawn(session, draw)
    await funds.give_back_months(session, parts, draw.drawn_at)
    await _free_number(session, draw)
    await recording.refused(session, recording.spending_of(draw), MedicalFundsShort.code)
    return refusal


async def locked(session: Session, draw_id: UUID) -> tuple[Draw, Sequence[DrawPart]]:
    """Return a draw and what each gives, with the homes of all whom it concerns locked."""
    key = (bucket_of(draw_id), draw_id)
    seen = await session.get_one(Draw, key)
    parts = await orders.parts_of(session, draw_id)
    await homes.lock_rows(session, {seen.spender_id, *(part.payer_id for part in parts)})
    return await session.get_one(Draw, key, populate_existing=True), parts


async def _known(session: Session, draw: Draw, refusal: FundsRefusal | None) -> Drawn | FundsRefusal:
    """Return what was known before; who says something else now has broken their word, and people must look.

    Raises:
        MedicalFundsUnavailable: they say that they have paid what they had refused.
    """
    if (draw.state is DrawState.SETTLED) is not (refusal is None):
        _log.error("draw_contradicted", draw_id=str(draw.id), known=draw.state.value)
    if draw.state is DrawState.SETTLED:
        return await orders.as_drawn(session, draw)
    if refusal is None:
        raise MedicalFundsUnavailable
    return refusal


async def _free_number(session: Session, draw: Draw) -> None:
    await session.execute(
        delete(DrawOrder).where(
            DrawOrder.bucket == bucket_of(draw.terminal_id),
            DrawOrder.terminal_id == draw.terminal_id,
            DrawOrder.order_number == draw.order_number,
            DrawOrder.draw_id == draw.id,
        )
    )


async def _mark(session: Session, part: DrawPart, state: DrawState) -> None:
    await session.execute(
        update(DrawShare)
        .where(
            DrawShare.bucket == bucket_of(part.payer_id),
            DrawShare.payer_id == part.payer_id,
            DrawShare.draw_id == part.draw_id,
        )
        .values(state=state)
        .execution_options(synchronize_session=False)
    )
