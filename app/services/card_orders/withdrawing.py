"""Takes card orders back, as long as they have not left: those who make cards give none back."""

from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Conflict, NextStep
from app.models.card_orders import CardOrder, CardOrderState
from app.services import audit, authority
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.card_orders import rows, viewing
from app.services.card_orders.viewing import CardOrderView
from app.services.filings import finding
from app.services.links import Service


class CardOrderTooLate(Conflict):
    """The order has left, or all is over: it cannot be taken back any more."""

    code = "card-order-too-late"
    leads_to = NextStep("see-card-order", "/v1/holders/{holder}/card-orders/{order_id}")


async def withdraw(db: Database, caller: Caller, holder: UUID | None, order_id: UUID) -> CardOrderView:
    """Take back a draft, or what was handed in and has not left; its photo and address go. Again changes nothing.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        CardOrderTooLate: it cannot be taken back any more.
    """

    async def work(session: Session, acting: Acting) -> CardOrderView:
        await finding.of_person(session, CardOrder, acting.person_id, order_id)
        order = await finding.locked(session, CardOrder, order_id)
        if order.state is not CardOrderState.WITHDRAWN:
            await _withdraw(session, acting, order)
        return await viewing.view(session, order)

    return await authority.act(db, caller, holder, Service.FILE, work)


async def _withdraw(session: Session, acting: Acting, order: CardOrder) -> None:
    if not order.may_withdraw:
        raise CardOrderTooLate
    await rows.step(session, order, CardOrderState.WITHDRAWN)
    order.address = None
    await audit.record(
        session,
        Action.CARD_ORDER_WITHDRAWN,
        home_id=acting.person_id,
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        facts=rows.facts(order),
    )
