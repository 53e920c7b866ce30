"""A card order as people read it: one timeline, and what can be done now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.core.db import Database, Session
from app.models.card_orders import CardOrder, CardOrderState
from app.models.filings import FilingEnd
from app.ports.card_orders import CardOrderFailure, CardOrderReason
from app.services import agreements, authority
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.card_orders import photos, rows
from app.services.filings import finding

_NOTICE: Final = "card-photo"


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the timeline."""

    state: CardOrderState
    at: datetime
    code: str | None
    reason: CardOrderFailure | None


@dataclass(frozen=True, slots=True)
class CardOrderView:
    """All of it, but for the address, which is told to those alone who send the card."""

    id: UUID
    reason: CardOrderReason
    state: CardOrderState
    is_by_family: bool
    office_id: str | None
    is_photo_agreed: bool
    photo_until: datetime | None
    timeline: tuple[StepView, ...]
    not_submitted_because: FilingEnd | None
    may_withdraw: bool
    created_at: datetime
    heard_at: datetime | None

    @property
    def is_draft(self) -> bool:
        """Whether nothing has been handed in yet."""
        return self.state is CardOrderState.DRAFT


async def read(db: Database, caller: Caller, holder: UUID | None, order_id: UUID) -> CardOrderView:
    """Return one of a holder's orders.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: it is not there for the caller.
    """

    async def work(session: Session, acting: Acting) -> CardOrderView:
        return await view(session, await finding.of_person(session, CardOrder, acting.person_id, order_id))

    return await authority.look(db, caller, holder, Action.CARD_ORDERS_SEEN, work)


async def list_all(
    db: Database, caller: Caller, holder: UUID | None, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[Sequence[CardOrderView], CardOrderView | None]:
    """Return a page of a holder's orders, the newest first, and its last one where more follow.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: they are not there for the caller.
    """

    async def work(session: Session, acting: Acting) -> list[CardOrderView]:
        found = await finding.page(session, CardOrder, acting.person_id, after, limit + 1)
        return [await view(session, order) for order in found]

    views = await authority.look(db, caller, holder, Action.CARD_ORDERS_SEEN, work)
    return views[:limit], views[limit - 1] if len(views) > limit else None


async def view(session: Session, order: CardOrder) -> CardOrderView:
    """Return an order as it stands."""
    photo = await photos.of(session, order)
    return CardOrderView(
        id=order.id,
        reason=order.reason,
        state=order.state,
        is_by_family=order.link_id is not None,
        office_id=order.office_id,
        is_photo_agreed=await agreements.in_force(session, order.id, _NOTICE) is not None,
        photo_until=None if photo is None else photo.purge_at,
        timeline=tuple(
            StepView(step.state, step.at, step.code, step.reason) for step in await rows.timeline(session, order)
        ),
        not_submitted_because=order.not_submitted_because,
        may_withdraw=order.may_withdraw,
        created_at=order.created_at,
        heard_at=order.heard_at,
    )
