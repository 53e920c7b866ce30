"""Draws a payment out of personal accounts: for a terminal, by a code that it has redeemed, once, to the cent.

The homes of the spender and of all who share are locked before anything is asked, in the order that everybody locks
them in: a binding that ends, a pause, a card that is lost come before or after, never between. What is refused by a
person's state is written down in their home.
"""

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import AppError, Conflict, FieldError, Invalid
from app.models.cards import Card
from app.models.draws import Draw, DrawPart, DrawShare
from app.models.links import FamilyLink
from app.models.medical_accounts import Movement
from app.models.showings import Redemption, ShowingPurpose
from app.models.terminals import TerminalPurpose
from app.ports.register import Register, RegisterUnavailable
from app.services import authority, policies
from app.services.cards import following
from app.services.cards.allowing import Standing
from app.services.draws import funds, living, orders, recording, splitting
from app.services.draws.orders import Drawn, Order
from app.services.draws.recording import Spending
from app.services.draws.splitting import Split
from app.services.links import Service
from app.services.medical_accounts import booking
from app.services.medical_accounts.booking import Posting
from app.services.people import homes
from app.services.rules import Policies
from app.services.sharing import reading
from app.services.showings.references import RedemptionNotFound
from app.services.showings.rules import obstacle
from app.services.terminals import requests
from app.services.terminals.requests import Calling

_PATIENCE_SECONDS: Final = 3  # somebody stands before the terminal
_PAID_BY: Final = (Service.SHOW_CODE, Service.PAY)  # what an owner needs who pays with a member's money


class RedemptionTooOld(Conflict):
    """The code was redeemed too long ago; it is to be shown again."""

    code = "redemption-too-old"


class RedemptionSpent(Conflict):
    """Something was paid by this code already; another payment takes another code."""

    code = "redemption-spent"


class MedicalFundsShort(Conflict):
    """The accounts do not cover the amount, and not to be covered whole was not allowed, or there is nothing at all."""

    code = "medical-funds-short"


class PaymentWithdrawn(Conflict):
    """The card or the family link behind the code has changed; which is not a terminal's business."""

    code = "payment-withdrawn"


REFUSALS: Final = (
    RedemptionNotFound,
    RedemptionTooOld,
    RedemptionSpent,
    orders.TerminalTakesNoPayments,
    PaymentWithdrawn,
    MedicalFundsShort,
    orders.OrderNumberReused,
    RegisterUnavailable,
)
"""Every refusal that `draw` can raise, for the documents of routes."""


@dataclass(frozen=True, slots=True)
class _Refused:
    error: type[AppError]


@dataclass(frozen=True, slots=True)
class _ToAsk:
    """About whom the register is to be asked: whose card is shown, and who shares without one."""

    holder_id: UUID | None
    sharers: Sequence[UUID]


async def draw(db: Database, register: Register, terminal: Calling, order: Order) -> Drawn:
    """Draw a payment for a terminal whose request was verified; the same order again is answered the same.

    A card that the register was not asked about lately (policy) it is asked about first, and who shares and has no
    e-card; no connection is held meanwhile.

    Raises:
        RequestReplayed: the request's nonce was taken before.
        OrderNumberReused: the terminal has used the number for another order.
        RedemptionNotFound: it has redeemed no such code.
        RedemptionTooOld, RedemptionSpent: the code is to be shown again.
        TerminalTakesNoPayments: the terminal is not registered for it.
        PaymentWithdrawn: the card, or the link by which it was shown, does not allow it any more.
        MedicalFundsShort: the accounts do not cover it.
        Invalid: the amount is above what is drawn at once (policy).
        RegisterUnavailable: whether the card is in order cannot be asked.
    """
    asked = await db.run(partial(_to_be_asked_about, terminal, order))
    if asked.holder_id is not None:
        await _ask(db, register, asked.holder_id)
    dead = await living.dead_of(db, register, asked.sharers, seconds=_PATIENCE_SECONDS)
    outcome = await db.run(partial(_draw, terminal, order, dead))
    if isinstance(outcome, _Refused):
        raise outcome.error
    return outcome


async def _to_be_asked_about(terminal: Calling, order: Order, session: Session) -> _ToAsk:
    """Return about whom the register is to be asked before anything is drawn."""
    if await orders.done(session, terminal, order) is not None:
        return _ToAsk(None, ())
    redemption = await _redeemed(session, terminal, order)
    card, rules = await _card(session, redemption.holder_id)
    since = session.now - timedelta(minutes=rules.card_checks.paid_minutes)
    is_known = card is None or (card.asked_at is not None and card.asked_at > since)
    sharers = await living.without_card(session, redemption.holder_id)
    return _ToAsk(None if is_known else redemption.holder_id, sharers)


async def _ask(db: Database, register: Register, holder_id: UUID) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await following.refresh(db, register, holder_id)
    except (RegisterUnavailable, TimeoutError) as error:
        raise RegisterUnavailable(retry_after_seconds=5) from error


async def _draw(terminal: Calling, order: Order, dead: Set[UUID], session: Session) -> Drawn | _Refused:
    await requests.take(session, terminal)
    if (before := await orders.done(session, terminal, order)) is not None:
        return before
    redemption = await _redeemed(session, terminal, order)
    spender_id = redemption.holder_id
    known = (await reading.sharers_of(session, spender_id)).sharers
    sharers = [sharer.owner_id for sharer in known if sharer.owner_id not in dead]
    await homes.lock_rows(session, {spender_id, *sharers})
    if (before := await orders.done(session, terminal, order)) is not None:  # the same order at the same moment
        return before
    _, rules = await _card(session, spender_id)
    if order.amount > rules.draws.most:
        raise Invalid(errors=[FieldError("/amount", "out_of_range", maximum=float(rules.draws.most))])
    spending = await _spending(session, terminal, redemption)
    refused = await _obstacle(session, terminal, redemption, rules)
    if refused is not None:
        return await _refuse(session, spending, refused)
    split = splitting.split(order.amount, await funds.lock(session, spender_id, sharers))
    is_partial_allowed = order.is_partial_allowed and rules.draws.partial
    if not split.covered or (split.uncovered and not is_partial_allowed):
        return await _refuse(session, spending, MedicalFundsShort)
    draw_id = new_id(bucket_of(spender_id))
    if not await orders.take_number(session, terminal, order, draw_id):  # for something else, at the same moment
        return await _other(session, terminal, order)
    return await _write(session, spending, order, split, draw_id)


async def _other(session: Session, terminal: Calling, order: Order) -> Drawn:
    """Return what came of the order that was faster.

    Raises:
        OrderNumberReused: it is another one.
    """
    faster = await orders.done(session, terminal, order)
    assert faster is not None
    return faster


async def _redeemed(session: Session, terminal: Calling, order: Order) -> Redemption:
    """Return the code that this terminal has redeemed.

    Raises:
        RedemptionNotFound: it has not.
    """
    found: Redemption | None = await session.get(
        Redemption, (order.redemption.bucket, order.redemption.code_id), populate_existing=True
    )
    if found is None or found.terminal_id != terminal.id or found.purpose is ShowingPurpose.IDENTIFY:
        raise RedemptionNotFound
    return found


async def _card(session: Session, person_id: UUID) -> tuple[Card | None, Policies]:
    card: Card | None = await session.get(Card, (bucket_of(person_id), person_id), populate_existing=True)
    return card, await policies.current(session, policies.EVERYWHERE if card is None else card.region)


async def _spending(session: Session, terminal: Calling, redemption: Redemption) -> Spending:
    link_id = redemption.link_id
    link = None if link_id is None else await session.get(FamilyLink, (bucket_of(link_id), link_id))
    return Spending(terminal, redemption, None if link is None else link.owner_id)


async def _obstacle(
    session: Session, terminal: Calling, redemption: Redemption, rules: Policies
) -> type[AppError] | None:
    """Return why nothing is drawn by this code now, if nothing is; the holder's home is locked."""
    if TerminalPurpose.PAY not in terminal.purposes:
        return orders.TerminalTakesNoPayments
    if redemption.redeemed_at <= session.now - timedelta(minutes=rules.draws.redeemed_minutes):
        return RedemptionTooOld
    if await orders.is_spent(session, redemption):
        return RedemptionSpent
    return None if await _is_standing(session, redemption, rules) else PaymentWithdrawn


async def _is_standing(session: Session, redemption: Redemption, rules: Policies) -> bool:
    """Say whether the card, and the link by which it was shown, still allow it."""
    card, _ = await _card(session, redemption.holder_id)
    standing = Standing.of(card, to_holder=redemption.link_id is None)
    if obstacle(standing, rules.card_status, redemption.purpose) is not None:
        return False
    if redemption.link_id is None:
        return True
    return all([await authority.obstacle(session, redemption.link_id, service) is None for service in _PAID_BY])


async def _refuse(session: Session, spending: Spending, error: type[AppError]) -> _Refused:
    await recording.refused(session, spending, error.code)
    return _Refused(error)


async def _write(session: Session, spending: Spending, order: Order, split: Split, draw_id: UUID) -> Drawn:
    """Move the money and write down what was drawn, in the home of each whom it concerns."""
    redemption, bucket = spending.redemption, bucket_of(draw_id)
    made = Draw(
        bucket=bucket,
        id=draw_id,
        spender_id=redemption.holder_id,
        code_id=redemption.code_id,
        link_id=redemption.link_id,
        purpose=redemption.purpose,
        terminal_id=spending.terminal.id,
        office_id=spending.terminal.office_id,
        order_number=order.number,
        amount=order.amount,
        covered=split.covered,
        is_partial_allowed=order.is_partial_allowed,
        month=funds.month_of(session.now),
        drawn_at=session.now,
    )
    session.add(made)
    await session.flush()
    postings = [Posting.of_person(part.source.payer_id, -part.amount) for part in split.giving]
    settled = Posting.of_office(spending.terminal.office_id, split.covered)
    await booking.book(session, Movement.DRAW, draw_id, [*postings, settled])
    for part in split.giving:
        source = part.source
        facts = {"spender_id": redemption.holder_id, "binding_id": source.binding_id, "amount": part.amount}
        session.add(DrawPart(bucket=bucket, draw_id=draw_id, payer_id=source.payer_id, **facts))
        if source.binding_id is not None:
            await funds.note_month(session, part, session.now)
            where = {"bucket": bucket_of(source.payer_id), "payer_id": source.payer_id, "draw_id": draw_id}
            when = {"month": made.month, "drawn_at": session.now, "reversed_at": None}
            session.add(DrawShare(**where, **facts, **when))
    await session.flush()
    await recording.drawn(session, spending, draw_id, split)
    return await orders.as_drawn(session, made)
