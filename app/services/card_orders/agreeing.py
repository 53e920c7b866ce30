"""The consent that the photo of a card order takes before it is sent: it shows a face."""

from typing import Final
from uuid import UUID

from app.core.db import Database, Session
from app.core.errors import Conflict, NextStep
from app.models.card_orders import CardOrder, CardOrderState, CardOrderStepNotAllowed
from app.services import agreements, authority, notices
from app.services.accounts.sessions import Caller
from app.services.agreements import About, Giver
from app.services.authority import Acting
from app.services.card_orders import photos
from app.services.filings import finding
from app.services.links import Service
from app.services.notices import Shown

NOTICE: Final = "card-photo"


class CardPhotoConsentNeeded(Conflict):
    """Nobody has agreed to the photo of this order."""

    code = "card-photo-consent-needed"


async def agree(db: Database, caller: Caller, holder: UUID | None, order_id: UUID, shown: Shown) -> None:
    """Agree to the photo of a draft; the same again changes nothing.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        CardOrderStepNotAllowed: it is no draft any more.
        NoticeOutdated.
    """

    async def work(session: Session, acting: Acting) -> None:
        await finding.of_person(session, CardOrder, acting.person_id, order_id)
        order = await finding.locked(session, CardOrder, order_id)
        if order.state is not CardOrderState.DRAFT:
            raise CardOrderStepNotAllowed
        link_id = None if acting.link is None else acting.link.id
        about = About(acting.person_id, order.id, NOTICE, link_id, acting.on_behalf_of)
        await agreements.give(session, Giver.of(caller), about, shown)

    await authority.act(db, caller, holder, Service.FILE, work)


async def take_back(db: Database, caller: Caller, holder: UUID | None, order_id: UUID) -> None:
    """Take that back, in every state: a photo that is still here goes at once. Without it nothing happens.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
    """

    async def work(session: Session, acting: Acting) -> None:
        await finding.of_person(session, CardOrder, acting.person_id, order_id)
        order = await finding.locked(session, CardOrder, order_id)
        given = await agreements.in_force(session, order.id, NOTICE)
        if given is not None:
            await agreements.take_back(session, given, acting.actor, acting.on_behalf_of)
            await photos.let_go(session, order)

    await authority.act(db, caller, holder, Service.FILE, work)


async def require(session: Session, acting: Acting, order: CardOrder) -> None:
    """Check that somebody has agreed to the photo.

    Raises:
        CardPhotoConsentNeeded: nobody has.
    """
    if await agreements.in_force(session, order.id, NOTICE) is None:
        here = f"{acting.address}/card-orders/{order.id}/photo-consent"
        raise CardPhotoConsentNeeded(next_step=NextStep("consent", here, notices.address(NOTICE)))
