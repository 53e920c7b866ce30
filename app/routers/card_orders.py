"""Orders of physical cards, for oneself and for members, under the same paths."""

from fastapi import APIRouter, Request, Response

from app.core.errors import Invalid, NotFound
from app.models.card_orders import CardOrderStepNotAllowed
from app.ports.card_orders import CardOrdersUnavailable
from app.ports.images import (
    CardPhotoTypeUnsupported,
    ImagesBusy,
    ImageTooManyPixels,
    ImageTooSmall,
    ImageUnreadable,
    ImageUse,
)
from app.ports.register import RegisterUnavailable
from app.ports.storage import StorageUnavailable
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute, file_body
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Caller, Holder, Language, TheHouse
from app.routers.in_channels import CardOrdersCaller
from app.routers.once import OncePerKey, Remember
from app.schemas import card_orders as shapes
from app.schemas.base import Page
from app.schemas.enrolments import NoticeShown
from app.services import answers
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.card_orders import agreeing, drafting, photos, submitting, viewing, withdrawing
from app.services.card_orders.viewing import CardOrderView
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1/holders", tags=["card orders"], route_class=StrictRoute)

_AUTHORITY = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded)


@router.post(
    "/{holder}/card-orders",
    status_code=201,
    response_model=shapes.CardOrderRead,
    responses=documented(
        *_AUTHORITY,
        *allowing.REFUSALS,
        Invalid,
        drafting.CardOrderReasonDiffers,
        drafting.CardOrdersUsedUp,
        RegisterUnavailable,
        CardOrdersUnavailable,
    ),
)
async def draft_card_order(
    body: shapes.CardOrderAsk,
    caller: CardOrdersCaller,
    holder: Holder,
    house: TheHouse,
    once: OncePerKey,
    language: Language,
) -> Response:
    """Draft the order of a physical card; a photo is sent next, nothing leaves yet."""

    async def work(_: answers.Unit, remember: Remember[CardOrderView]) -> CardOrderView:
        return await drafting.draft(house.db, house.ports.register, caller, holder, body.wanted(), remember)

    return once.respond(await once(work, lambda view: shapes.CardOrderRead.of(view, holder, language)))


@router.get("/{holder}/card-orders", responses=documented(*_AUTHORITY))
async def list_card_orders(
    caller: CardOrdersCaller,
    holder: Holder,
    house: TheHouse,
    language: Language,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[shapes.CardOrderRead]:
    """Orders of physical cards, the newest first."""
    views, last = await viewing.list_all(house.db, caller, holder, cursors.read(cursor), limit)
    return Page(
        items=[shapes.CardOrderRead.of(view, holder, language) for view in views],
        next_cursor=None if last is None else cursors.write(last.created_at, last.id),
    )


@router.get("/{holder}/card-orders/{order_id}", responses=documented(*_AUTHORITY))
async def read_card_order(
    order_id: str, caller: CardOrdersCaller, holder: Holder, house: TheHouse, language: Language
) -> shapes.CardOrderRead:
    """An order of a physical card, with its timeline."""
    view = await viewing.read(house.db, caller, holder, deps.identity(order_id))
    return shapes.CardOrderRead.of(view, holder, language)


@router.delete(
    "/{holder}/card-orders/{order_id}",
    responses=documented(*_AUTHORITY, withdrawing.CardOrderTooLate),
)
async def withdraw_card_order(
    order_id: str, caller: Caller, holder: Holder, house: TheHouse, language: Language
) -> shapes.CardOrderRead:
    """Take an order back that has not left yet: a draft, or one that was handed in just now."""
    view = await withdrawing.withdraw(house.db, caller, holder, deps.identity(order_id))
    return shapes.CardOrderRead.of(view, holder, language)


@router.put(
    "/{holder}/card-orders/{order_id}/photo",
    response_model=shapes.CardOrderRead,
    openapi_extra=file_body(ImageUse.CARD_PHOTO.types),
    responses=documented(
        *_AUTHORITY,
        CardOrderStepNotAllowed,
        agreeing.CardPhotoConsentNeeded,
        photos.CardPhotoUnsuitable,
        CardPhotoTypeUnsupported,
        ImageUnreadable,
        ImageTooManyPixels,
        ImageTooSmall,
        ImagesBusy,
        StorageUnavailable,
    ),
)
async def put_card_photo(
    order_id: str, request: Request, caller: CardOrdersCaller, holder: Holder, house: TheHouse, language: Language
) -> shapes.CardOrderRead:
    """Send the photo for the card, the body is the file: JPEG, 358 × 441, on white, the whole head."""
    wanted = deps.identity(order_id)
    with house.traffic.one_upload(caller.account_id):
        content = await request.body()
        view = await drafting.put_photo(house.db, house.ports, caller, holder, wanted, content)
    return shapes.CardOrderRead.of(view, holder, language)


@router.put(
    "/{holder}/card-orders/{order_id}/photo-consent",
    status_code=204,
    responses=documented(*_AUTHORITY, CardOrderStepNotAllowed, NoticeOutdated),
)
async def agree_to_card_photo(
    order_id: str, body: NoticeShown, caller: CardOrdersCaller, holder: Holder, house: TheHouse
) -> None:
    """Agree to the photo of a draft, before it is sent."""
    await agreeing.agree(house.db, caller, holder, deps.identity(order_id), body.shown())


@router.delete("/{holder}/card-orders/{order_id}/photo-consent", status_code=204, responses=documented(*_AUTHORITY))
async def take_card_photo_consent_back(order_id: str, caller: Caller, holder: Holder, house: TheHouse) -> None:
    """Take that back: a photo that is still here is deleted at once."""
    await agreeing.take_back(house.db, caller, holder, deps.identity(order_id))


@router.post(
    "/{holder}/card-orders/{order_id}/submission",
    status_code=201,
    response_model=shapes.CardOrderRead,
    responses=documented(
        *_AUTHORITY,
        *allowing.REFUSALS,
        CardOrderStepNotAllowed,
        submitting.CardOrderPhotoMissing,
        submitting.CardOrderUnderWay,
    ),
)
async def submit_card_order(
    order_id: str, caller: CardOrdersCaller, holder: Holder, house: TheHouse, once: OncePerKey, language: Language
) -> Response:
    """Hand a draft in; it leaves a moment later."""
    wanted = deps.identity(order_id)

    async def work(_: answers.Unit, remember: Remember[CardOrderView]) -> CardOrderView:
        return await submitting.submit(house.db, caller, holder, wanted, remember)

    return once.respond(await once(work, lambda view: shapes.CardOrderRead.of(view, holder, language)))
