"""Gives a draw back, whole and once, to the very accounts that it came from."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, NotFound
from app.models.draws import Draw, DrawPart, DrawReversal, DrawShare
from app.models.medical_accounts import Movement
from app.models.people import Home
from app.models.terminals import TerminalPurpose
from app.services import policies
from app.services.draws import funds, orders, recording
from app.services.draws.orders import Drawn
from app.services.draws.splitting import NOTHING
from app.services.medical_accounts import booking
from app.services.medical_accounts.booking import Posting
from app.services.people import homes
from app.services.terminals import requests
from app.services.terminals.requests import Calling


class DrawTooOld(Conflict):
    """The draw was made too long ago to be given back here; the settlement office does it."""

    code = "draw-too-old"


REFUSALS: Final = (NotFound, orders.TerminalTakesNoPayments, DrawTooOld)
"""Every refusal that `give_back` can raise, for the documents of routes."""


async def give_back(db: Database, terminal: Calling, draw_id: UUID) -> Drawn:
    """Give a draw of the terminal's office back; given back before, it is answered the same.

    Raises:
        RequestReplayed: the request's nonce was taken before.
        NotFound: the office has made no such draw.
        TerminalTakesNoPayments: the terminal is not registered for it.
        DrawTooOld: it was made too long ago (policy).
    """
    return await db.run(partial(_give_back, terminal, draw_id))


async def _give_back(terminal: Calling, draw_id: UUID, session: Session) -> Drawn:
    await requests.take(session, terminal)
    draw: Draw | None = await session.get(Draw, (bucket_of(draw_id), draw_id))
    if draw is None or draw.office_id != terminal.office_id:
        raise NotFound
    if TerminalPurpose.PAY not in terminal.purposes:
        raise orders.TerminalTakesNoPayments
    parts = await orders.parts_of(session, draw.id)
    rows = await homes.lock_rows(session, {draw.spender_id, *(part.payer_id for part in parts)})
    movement_id = new_id(draw.bucket)
    if not await _take(session, terminal, draw, movement_id):
        return await orders.as_drawn(session, draw)
    days = (await policies.current(session)).draws.reversal_days
    if draw.drawn_at <= session.now - timedelta(days=days):
        raise DrawTooOld
    await booking.lock(session, {part.payer_id for part in parts})
    await booking.book(session, Movement.REVERSAL, movement_id, _postings(draw, parts, rows))
    for part in parts:
        if part.binding_id is not None:
            await funds.give_back_month(session, part.payer_id, part.binding_id, part.amount, draw.drawn_at)
            await _mark(session, part)
    await recording.given_back(session, draw.spender_id, (part.payer_id for part in parts), draw.id, terminal.office_id)
    return await orders.as_drawn(session, draw)


async def _take(session: Session, terminal: Calling, draw: Draw, movement_id: UUID) -> bool:
    """Say whether it is ours to give back: once."""
    taken = await session.scalar(
        insert(DrawReversal)
        .values(
            bucket=draw.bucket,
            draw_id=draw.id,
            spender_id=draw.spender_id,
            movement_id=movement_id,
            terminal_id=terminal.id,
            reversed_at=session.now,
        )
        .on_conflict_do_nothing()
        .returning(DrawReversal.draw_id)
    )
    return taken is not None


def _postings(draw: Draw, parts: Sequence[DrawPart], rows: Sequence[Home]) -> list[Posting]:
    """Return where the money goes: to whom it came from, or to the fund where nobody lives there any more."""
    gone = {home.id for home in rows if home.erased_at is not None}
    postings = [Posting.of_person(part.payer_id, part.amount) for part in parts if part.payer_id not in gone]
    to_fund: Decimal = sum((part.amount for part in parts if part.payer_id in gone), NOTHING)
    if to_fund:
        postings.append(Posting.of_fund(to_fund))
    return [*postings, Posting.of_office(draw.office_id, -draw.covered)]


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
