"""Hands card orders in, once: the person submits, and a worker carries it to those who make cards.

As with transfers `left_at` is written before they are asked for the first time, and our id is the order number. The
photo goes along. Where it had to be deleted before anybody answered, they are asked whether they have the order.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Conflict, NextStep
from app.models.card_orders import CardOrder, CardOrderState, CardOrderStepNotAllowed, CardPhoto
from app.ports import Ports
from app.ports.card_orders import CardOrderFailure, CardOrderNews, CardOrderRequest
from app.services import audit, authority, files, outbox
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.card_orders import photos, rows, tracking, viewing
from app.services.card_orders.viewing import CardOrderView
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.filings import finding, leaving, telling
from app.services.links import Service
from app.services.people import homes

Remember = Callable[[Session, CardOrderView], Awaitable[None]]


class CardOrderPhotoMissing(Conflict):
    """The order has no photo, or has it no longer."""

    code = "card-order-photo-missing"
    leads_to = NextStep("see-card-order", "/v1/holders/{holder}/card-orders/{order_id}")


class CardOrderUnderWay(Conflict):
    """Another order of this person is under way; `next_step` leads there."""

    code = "card-order-under-way"


@dataclass(frozen=True, slots=True)
class _Leaving:
    """An order on its way out, and the row of its photo, if that is there still."""

    order: CardOrder
    name: str = field(repr=False)
    number: str = field(repr=False)
    address: str | None = field(repr=False)
    photo: CardPhoto | None


async def submit(
    db: Database, caller: Caller, holder: UUID | None, order_id: UUID, remember: Remember
) -> CardOrderView:
    """Hand a draft in; it leaves a moment later.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        CardOrderStepNotAllowed: it is no draft any more.
        What `cards.allowing.require` raises: the card as it stands orders none.
        CardOrderPhotoMissing, CardOrderUnderWay.
    """

    async def work(session: Session, acting: Acting) -> CardOrderView:
        await finding.of_person(session, CardOrder, acting.person_id, order_id)
        order = await finding.locked(session, CardOrder, order_id)
        if order.state is not CardOrderState.DRAFT:
            raise CardOrderStepNotAllowed
        await allowing.require(session, acting.person_id, Use.ORDER, to_holder=acting.link is None)
        if await photos.of(session, order) is None:
            raise CardOrderPhotoMissing
        other = await rows.under_way(session, acting.person_id)
        if other is not None:
            raise CardOrderUnderWay(next_step=NextStep("see-card-order", f"{acting.address}/card-orders/{other}"))
        await _submit(session, acting, order)
        view = await viewing.view(session, order)
        await remember(session, view)
        return view

    return await authority.act(db, caller, holder, Service.FILE, work)


async def carry(db: Database, ports: Ports, order_id: UUID) -> None:
    """Carry what was submitted to those who make cards; done again, it is the same order.

    Raises:
        CardOrdersUnavailable, StorageUnavailable: it is not known whether they have it; carry it again.
    """
    leaving = await db.run(partial(_leave, order_id))
    if leaving is None:
        return
    if leaving.photo is None:
        is_there = await ports.card_orders.progress(order_id) is not None
        await db.run(partial(_arrived if is_there else _came_to_nothing, order_id, None))
        return
    request = CardOrderRequest(
        id=order_id,
        number=leaving.number,
        name=leaving.name,
        reason=leaving.order.reason,
        photo=await files.read(db, ports.store, leaving.photo),
        office_id=leaving.order.office_id,
        address=leaving.address,
    )
    await db.run(partial(_arrived, order_id, await ports.card_orders.submit(request)))


async def _submit(session: Session, acting: Acting, order: CardOrder) -> None:
    leaving.sign(order, acting)
    await rows.step(session, order, CardOrderState.SUBMITTED)
    await audit.record(
        session,
        Action.CARD_ORDER_SUBMITTED,
        home_id=acting.person_id,
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        facts=rows.facts(order),
    )
    telling.tell_filed(session, order, "card_order_filed_member")
    outbox.tell(session, outbox.Kind.SUBMIT_CARD_ORDER, acting.person_id, order_id=str(order.id))


async def _leave(order_id: UUID, session: Session) -> _Leaving | None:
    """Let a submitted order leave, unless the link it rests on, or the card, allows it no more."""
    order = await finding.locked_with_homes(session, CardOrder, order_id)
    if order.state is not CardOrderState.SUBMITTED or order.accepted_at is not None:
        return None
    if order.left_at is None:
        if not await leaving.may_leave(session, order, Use.ORDER):
            await rows.step(session, order, CardOrderState.NOT_SUBMITTED)
            await telling.tell(session, order, "card_order_not_submitted")
            return None
        order.left_at = session.now
    person = await homes.person(session, order.person_id)
    key = await homes.key_of(session, order.person_id)
    return _Leaving(
        order=order,
        name=person.name,
        number=person.number,
        address=None if order.address is None else key.open("card_order.address", order.id, order.address),
        photo=await photos.of(session, order),
    )


async def _arrived(order_id: UUID, refusal: CardOrderNews | None, session: Session) -> None:
    order = await finding.locked_with_homes(session, CardOrder, order_id)
    if order.state is not CardOrderState.SUBMITTED or order.accepted_at is not None:
        return
    order.accepted_at = order.heard_at = session.now
    if refusal is None:
        await tracking.look_later(session, order)
        return
    await rows.step(session, order, CardOrderState.FAILED, refusal)
    await telling.tell(session, order, "card_order_failed")


async def _came_to_nothing(order_id: UUID, _: None, session: Session) -> None:
    """End an order that nobody has, and that cannot be handed in any more: its photo had to be deleted."""
    order = await finding.locked_with_homes(session, CardOrder, order_id)
    if order.state is CardOrderState.SUBMITTED and order.accepted_at is None:
        await rows.step(session, order, CardOrderState.FAILED, reason=CardOrderFailure.PHOTO_GONE)
        await telling.tell(session, order, "card_order_failed")
