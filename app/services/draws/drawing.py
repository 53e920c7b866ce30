"""Draws a payment out of personal accounts: for a terminal, by a code that it has redeemed, once, to the cent.

What is in the accounts is asked first. Then the homes of the spender and of all who share are locked, in the order that
everybody locks them in, all is asked again, and the draw is written down as pending: a binding that ends, a pause, a
card that is lost come before or after, never between. Then whoever keeps the accounts pays it (`settling`). What is
refused by a person's state is written down in their home.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import AppError, Conflict, FieldError, Invalid
from app.models.cards import Card
from app.models.draws import Draw, DrawPart, DrawShare, DrawState
from app.models.links import FamilyLink
from app.models.showings import Redemption, ShowingPurpose
from app.models.terminals import TerminalPurpose
from app.ports.medical_funds import FundsRefusal, MedicalFunds, MedicalFundsUnavailable
from app.ports.register import Register, RegisterUnavailable
from app.services import authority, policies
from app.services.cards import following
from app.services.cards.allowing import Standing
from app.services.draws import funds, living, orders, recording, settling, splitting
from app.services.draws.funds import Balances, Numbers
from app.services.draws.orders import Drawn, MedicalFundsShort, Order
from app.services.draws.recording import Spending
from app.services.draws.splitting import Split
from app.services.links import Service
from app.services.people import homes
from app.services.rules import Policies
from app.services.showings.references import RedemptionNotFound
from app.services.showings.rules import obstacle
from app.services.terminals import requests
from app.services.terminals.requests import Calling

_PATIENCE_SECONDS: Final = 3  # somebody stands before the terminal
_PAID_BY: Final = (Service.SHOW_CODE, Service.PAY)  # what an owner needs who pays with a member's money
_SPLITS: Final = 2  # anew, where a balance has fallen since it was asked


class RedemptionTooOld(Conflict):
    """The code was redeemed too long ago; it is to be shown again."""

    code = "redemption-too-old"


class RedemptionSpent(Conflict):
    """Something was paid by this code already; another payment takes another code."""

    code = "redemption-spent"


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
    MedicalFundsUnavailable,
)
"""Every refusal that `draw` can raise, for the documents of routes."""


@dataclass(frozen=True, slots=True)
class _Refused:
    error: type[AppError]


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is to be asked first: what is in whose account; how the shown card stands, and whether who shares lives."""

    numbers: Numbers
    holder_id: UUID | None = None
    sharers: Sequence[UUID] = ()


async def draw(db: Database, register: Register, port: MedicalFunds, terminal: Calling, order: Order) -> Drawn:
    """Draw a payment for a terminal whose request was verified; the same order again is answered the same.

    A card that the register was not asked about lately (policy) it is asked about first, and so are those who share; at
    the same time what is in the accounts is asked. No connection is held meanwhile, nor while they are paid from.

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
        MedicalFundsUnavailable: it is not known whether it was paid; the same order again tells, or goes on with it.
    """
    for _ in range(_SPLITS):
        asking = await db.run(partial(_look, terminal, order))
        balances = await _ask(db, register, port, asking)
        outcome = await db.run(partial(_begin, terminal, order, balances))
        if isinstance(outcome, _Refused):
            raise outcome.error
        drawn = await settling.settle(db, port, outcome)
        if isinstance(drawn, Drawn):
            return drawn
        if drawn is not FundsRefusal.SHORT:
            break
    raise MedicalFundsShort


async def _look(terminal: Calling, order: Order, session: Session) -> _Asking:
    if await orders.known(session, terminal, order) is not None:
        return _Asking({})
    redemption = await _redeemed(session, terminal, order)
    card, rules = await _card(session, redemption.holder_id)
    since = session.now - timedelta(minutes=rules.card_checks.paid_minutes)
    needs_no_look = card is None or living.is_fresh(card, since)
    numbers = await funds.numbers(session, redemption.holder_id)
    sharers = await living.not_asked_about(session, redemption.holder_id, since)
    return _Asking(numbers, None if needs_no_look else redemption.holder_id, sharers)


async def _ask(db: Database, register: Register, port: MedicalFunds, asking: _Asking) -> Balances:
    """Ask all at the same time, which is one wait; return what is in the accounts of those who live.

    Raises:
        RegisterUnavailable: whether the card is in order cannot be asked.
        MedicalFundsUnavailable: what is in the accounts cannot be said in time.
    """
    card, dead, balances = await asyncio.gather(
        _ask_about_card(db, register, asking.holder_id),
        living.dead_of(db, register, asking.sharers, seconds=_PATIENCE_SECONDS),
        funds.balances(port, asking.numbers),
        return_exceptions=True,
    )
    if isinstance(card, BaseException):
        raise card
    if isinstance(dead, BaseException):
        raise dead
    if isinstance(balances, BaseException):
        raise balances
    return {person_id: balance for person_id, balance in balances.items() if person_id not in dead}


async def _ask_about_card(db: Database, register: Register, holder_id: UUID | None) -> None:
    if holder_id is None:
        return
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await following.refresh(db, register, holder_id)
    except (RegisterUnavailable, TimeoutError) as error:
        raise RegisterUnavailable(retry_after_seconds=5) from error


async def _begin(terminal: Calling, order: Order, balances: Balances, session: Session) -> UUID | _Refused:
    """Write a draw down as pending, all whom it concerns locked; return its id, or that of an earlier one."""
    await requests.take(session, terminal)
    if (before := await orders.known(session, terminal, order)) is not None:
        return before.id
    redemption = await _redeemed(session, terminal, order)
    spender_id = redemption.holder_id
    await homes.lock_rows(session, {spender_id, *balances})
    if (before := await orders.known(session, terminal, order)) is not None:  # the same order at the same moment
        return before.id
    if spender_id not in balances:  # a moment ago it was under way still, and has been refused since
        raise MedicalFundsUnavailable(retry_after_seconds=1)
    _, rules = await _card(session, spender_id)
    if order.amount > rules.draws.most:
        raise Invalid(errors=[FieldError("/amount", "out_of_range", maximum=float(rules.draws.most))])
    spending = await _spending(session, terminal, redemption)
    refused = await _obstacle(session, terminal, redemption, rules)
    if refused is not None:
        return await _refuse(session, spending, refused)
    split = splitting.split(order.amount, await funds.sources(session, spender_id, balances))
    is_partial_allowed = order.is_partial_allowed and rules.draws.partial
    if not split.covered or (split.uncovered and not is_partial_allowed):
        return await _refuse(session, spending, MedicalFundsShort)
    draw_id = new_id(bucket_of(spender_id))
    if not await orders.take_number(session, terminal, order, draw_id):  # for another code, at the same moment
        raise orders.OrderNumberReused
    await _write(session, spending, redemption.code_id, order, split, draw_id)
    return draw_id


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
    shown_by = None if link is None else link.owner_id
    return Spending(redemption.holder_id, link_id, redemption.purpose, terminal.id, terminal.office_id, shown_by)


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


async def _write(
    session: Session, spending: Spending, code_id: UUID, order: Order, split: Split, draw_id: UUID
) -> None:
    """Write down what is to be drawn, in the home of each whom it concerns; it counts against the month's caps now."""
    made = Draw(
        bucket=bucket_of(draw_id),
        id=draw_id,
        spender_id=spending.spender_id,
        code_id=code_id,
        link_id=spending.link_id,
        purpose=spending.purpose,
        terminal_id=spending.terminal_id,
        office_id=spending.office_id,
        order_number=order.number,
        amount=order.amount,
        covered=split.covered,
        is_partial_allowed=order.is_partial_allowed,
        month=funds.month_of(session.now),
        drawn_at=session.now,
        shown_by=spending.shown_by,
        state=DrawState.PENDING,
    )
    session.add(made)
    await session.flush()
    for part in split.giving:
        source = part.source
        facts = {"spender_id": made.spender_id, "binding_id": source.binding_id, "amount": part.amount}
        session.add(DrawPart(bucket=made.bucket, draw_id=draw_id, payer_id=source.payer_id, **facts))
        if source.binding_id is not None:
            await funds.note_month(session, part, session.now)
            where = {"bucket": bucket_of(source.payer_id), "payer_id": source.payer_id, "draw_id": draw_id}
            when = {"month": made.month, "drawn_at": session.now, "state": made.state, "reversed_at": None}
            session.add(DrawShare(**where, **facts, **when))
    settling.settle_later(session, made)
    await session.flush()
