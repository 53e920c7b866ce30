"""Gives a draw back, whole and once, to the very accounts that it came from."""

from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import update

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, NotFound
from app.models.draws import Draw, DrawPart, DrawReversal, DrawShare, DrawState
from app.models.medical_accounts import Movement
from app.models.terminals import TerminalPurpose
from app.ports.medical_funds import MedicalFunds, MedicalFundsUnavailable
from app.services import outbox, policies
from app.services.draws import funds, orders, recording, settling
from app.services.draws.funds import Patience
from app.services.draws.orders import Drawn
from app.services.medical_accounts import booking
from app.services.terminals import requests
from app.services.terminals.requests import Calling


class DrawTooOld(Conflict):
    """The draw was made too long ago to be given back here; the settlement office does it."""

    code = "draw-too-old"


REFUSALS: Final = (NotFound, orders.TerminalTakesNoPayments, DrawTooOld, MedicalFundsUnavailable)
"""Every refusal that `give_back` can raise, for the documents of routes."""


async def give_back(db: Database, port: MedicalFunds, terminal: Calling, draw_id: UUID) -> Drawn:
    """Give a draw of the terminal's office back; given back before, it is answered the same.

    Raises:
        RequestReplayed: the request's nonce was taken before.
        NotFound: the office has made no such draw.
        TerminalTakesNoPayments: the terminal is not registered for it.
        DrawTooOld: it was made too long ago (policy).
        MedicalFundsUnavailable: it is not known whether it was given back; ask again, or a worker does.
    """
    before = await db.run(partial(_begin, terminal, draw_id))
    return await go_on(db, port, draw_id) if before is None else before


async def go_on(db: Database, port: MedicalFunds, draw_id: UUID, patience: Patience = Patience.TERMINAL) -> Drawn:
    """Have a draw given back of which that was written down; no connection is held meanwhile.

    Raises:
        MedicalFundsUnavailable: it is not known whether it was; ask again.
    """
    async with funds.in_time(patience):
        await port.give_back(draw_id)
    return await db.run(partial(_record, draw_id))


async def _begin(terminal: Calling, draw_id: UUID, session: Session) -> Drawn | None:
    """Write down that a draw is to be given back; return it, where it was before."""
    await requests.take(session, terminal)
    seen: Draw | None = await session.get(Draw, (bucket_of(draw_id), draw_id))
    if seen is None or seen.office_id != terminal.office_id or seen.state is not DrawState.SETTLED:
        raise NotFound
    if TerminalPurpose.PAY not in terminal.purposes:
        raise orders.TerminalTakesNoPayments
    draw, _ = await settling.locked(session, draw_id)
    before = await session.get(DrawReversal, (draw.bucket, draw.id), populate_existing=True)
    if before is not None:
        return None if before.reversed_at is None else await orders.as_drawn(session, draw)
    days = (await policies.current(session)).draws.reversal_days
    if draw.drawn_at <= session.now - timedelta(days=days):
        raise DrawTooOld
    session.add(
        DrawReversal(
            bucket=draw.bucket,
            draw_id=draw.id,
            spender_id=draw.spender_id,
            movement_id=new_id(draw.bucket),
            terminal_id=terminal.id,
            asked_at=session.now,
        )
    )
    after = settling.ASKED_AGAIN_AFTER
    outbox.tell(session, outbox.Kind.GIVE_DRAW_BACK, draw.spender_id, after=after, draw_id=str(draw.id))
    return None


async def _record(draw_id: UUID, session: Session) -> Drawn:
    draw, parts = await settling.locked(session, draw_id)
    reversal = await session.get_one(DrawReversal, (draw.bucket, draw.id), populate_existing=True)
    if reversal.reversed_at is None:
        reversal.reversed_at = session.now
        given = {part.payer_id: -part.amount for part in parts}
        await booking.book(session, Movement.REVERSAL, reversal.movement_id, given, draw.office_id)
        await funds.give_back_months(session, parts, draw.drawn_at)
        for part in parts:
            if part.binding_id is not None:
                await _mark(session, part)
        await recording.given_back(session, draw, parts)
    return await orders.as_drawn(session, draw)


async def _mark(session: Session, part: DrawPart) -> None:
    await session.execute(
        update(DrawShare)
        .where(
            DrawShare.bucket == bucket_of(part.payer_id),
            DrawShare.payer_id == part.payer_id,
            DrawShare.draw_id == part.draw_id,
        )
        .values(reversed_at=session.now)
        .execution_options(synchronize_session=False)
    )
