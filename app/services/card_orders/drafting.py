"""Drafts of card orders: why a card is wanted, where it goes, and the photo that goes on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.db import Database, Session, bucket_of, new_id
from app.core.errors import Conflict, FieldError, Invalid, NotFound, TooMany
from app.models.card_orders import CardOrder, CardOrderState, CardOrderStepNotAllowed, CardPhoto
from app.ports import Ports
from app.ports.card_orders import CardOrderReason
from app.ports.register import PhysicalCardStatus, Register, RegisteredPerson
from app.services import audit, authority, files, policies, throttles
from app.services.accounts.sessions import Caller
from app.services.audit import Action
from app.services.authority import Acting
from app.services.card_orders import agreeing, photos, rows, viewing
from app.services.card_orders.viewing import CardOrderView
from app.services.cards import allowing
from app.services.cards.allowing import Use
from app.services.filings import finding, leaving
from app.services.links import Service
from app.services.operators import offices
from app.services.people import homes
from app.services.throttles import Counter, Limit

_DAY: Final = timedelta(days=1)
_GONE: Final = frozenset({PhysicalCardStatus.LOST, PhysicalCardStatus.LOST_TEMPORARILY})

Remember = Callable[[Session, CardOrderView], Awaitable[None]]


class CardOrdersUsedUp(TooMany):
    """Enough card orders were begun for this person today."""

    code = "card-orders-used-up"


class CardOrderReasonDiffers(Conflict):
    """The register says otherwise: whether there is a card, and whether it is reported lost."""

    code = "card-order-reason-differs"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Why a card is wanted, and where it goes: to an office, or by post to an address."""

    reason: CardOrderReason
    office_id: str | None
    address: str | None = field(repr=False)


async def draft(
    db: Database, register: Register, caller: Caller, holder: UUID | None, wanted: Wanted, remember: Remember
) -> CardOrderView:
    """Write down what is wanted; nothing leaves yet.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        Invalid: there is no such office.
        What `cards.allowing.require` raises: the card as it stands orders none.
        CardOrderReasonDiffers: the register says otherwise.
        CardOrdersUsedUp: enough were begun today.
        RegisterUnavailable: the register cannot be asked.
    """

    async def number(session: Session, acting: Acting) -> str:
        await allowing.require(session, acting.person_id, Use.ORDER, to_holder=acting.link is None)
        await _require_turn(session, acting.person_id)
        return (await homes.person(session, acting.person_id)).number

    registered = await register.find(await authority.act(db, caller, holder, Service.FILE, number))

    async def work(session: Session, acting: Acting) -> CardOrderView:
        await allowing.require(session, acting.person_id, Use.ORDER, to_holder=acting.link is None)
        _require_reason(wanted.reason, registered)
        order = await _drafted(session, acting, wanted)
        await audit.record(
            session,
            Action.CARD_ORDER_DRAFTED,
            home_id=acting.person_id,
            actor=acting.actor,
            on_behalf_of=acting.on_behalf_of,
            facts=rows.facts(order),
        )
        view = await viewing.view(session, order)
        await remember(session, view)
        return view

    return await authority.act(db, caller, holder, Service.FILE, work)


async def put_photo(
    db: Database, ports: Ports, caller: Caller, holder: UUID | None, order_id: UUID, content: bytes
) -> CardOrderView:
    """Take the photo of a draft: measured, cleaned, sealed, stored; the same again is no change, another replaces it.

    Raises:
        NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded: the caller may not file for this holder.
        CardOrderStepNotAllowed: it is no draft any more.
        CardPhotoConsentNeeded: nobody has agreed to it.
        CardPhotoUnsuitable, ImageRefused, ImagesBusy, StorageUnavailable: it was not taken.
    """

    async def plan(session: Session, acting: Acting) -> CardOrderView | bytes:
        order = await finding.of_person(session, CardOrder, acting.person_id, order_id)
        digest = files.digest_of(session, content)
        have = await photos.of(session, order)
        if have is not None and have.upload_hmac == digest:
            return await viewing.view(session, order)
        _require_draft(order)
        await agreeing.require(session, acting, order)
        return digest

    planned = await authority.act(db, caller, holder, Service.FILE, plan)
    if isinstance(planned, CardOrderView):
        return planned
    image, look = await ports.images.card_photo(content)
    photos.require_suitable((await policies.at_hand(db)).card_photos, len(content), image, look)

    async def begin(session: Session) -> UUID:
        order = await session.get_one(CardOrder, (bucket_of(order_id), order_id))
        return await photos.begin(session, order, image, planned)

    photo_id = await db.run(begin)
    await files.put(db, ports.store, CardPhoto, [photo_id], [image])

    async def attach(session: Session, acting: Acting) -> CardOrderView:
        await finding.of_person(session, CardOrder, acting.person_id, order_id)
        order = await finding.locked(session, CardOrder, order_id)
        _require_draft(order)
        await agreeing.require(session, acting, order)
        await photos.attach(session, order, photo_id)
        return await viewing.view(session, order)

    return await authority.act(db, caller, holder, Service.FILE, attach)


async def _drafted(session: Session, acting: Acting, wanted: Wanted) -> CardOrder:
    if wanted.office_id is not None:
        await _require_office(session, wanted.office_id)
    bucket = bucket_of(acting.person_id)
    order_id, address = new_id(bucket), None
    if wanted.address is not None:
        key = await homes.key_of(session, acting.person_id)
        address = key.seal("card_order.address", order_id, wanted.address)
    order = CardOrder(
        bucket=bucket,
        id=order_id,
        person_id=acting.person_id,
        reason=wanted.reason,
        office_id=wanted.office_id,
        address=address,
        state=CardOrderState.DRAFT,
        created_at=session.now,
        failures=0,
        steps=0,
    )
    leaving.sign(order, acting)
    session.add(order)
    await session.flush()
    return order


async def _require_office(session: Session, office_id: str) -> None:
    try:
        await offices.one(session, office_id)
    except NotFound:
        raise Invalid(errors=[FieldError("/office_id", "choice")]) from None


def _require_reason(reason: CardOrderReason, registered: RegisteredPerson | None) -> None:
    if registered is None or not registered.is_alive:
        raise CardOrderReasonDiffers
    if registered.card is None:
        fits = reason is CardOrderReason.FIRST
    elif registered.card.status is PhysicalCardStatus.CANCELLED:
        fits = reason is not CardOrderReason.FIRST
    elif registered.card.status in _GONE:
        fits = reason is CardOrderReason.LOST
    else:
        fits = reason in {CardOrderReason.DAMAGED, CardOrderReason.EXPIRED}
    if not fits:
        raise CardOrderReasonDiffers


def _require_draft(order: CardOrder) -> None:
    if order.state is not CardOrderState.DRAFT:
        raise CardOrderStepNotAllowed


async def _require_turn(session: Session, person_id: UUID) -> None:
    rules = (await policies.current(session)).card_orders
    limit = Limit("card-order-begun", rules.begun_a_day, _DAY)
    await throttles.require(session, Counter(limit, bucket_of(person_id), person_id.bytes), CardOrdersUsedUp)
