"""Transfers of social insurance between places, one's own and members', under the same paths."""

from fastapi import APIRouter, Response

from app.core.errors import NotFound
from app.models.transfers import TransferStepNotAllowed
from app.ports.transfers import TransfersUnavailable
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Caller, Holder, Language, TheHouse
from app.routers.in_channels import TransfersCaller
from app.routers.once import OncePerKey, Remember
from app.schemas import transfers as shapes
from app.schemas.base import Page
from app.services import answers
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.transfers import checks, drafting, submitting, viewing, withdrawing
from app.services.transfers.viewing import TransferView

router = APIRouter(prefix="/v1/holders", tags=["transfers"], route_class=StrictRoute)

_AUTHORITY = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded)


@router.post(
    "/{holder}/transfers",
    status_code=201,
    response_model=shapes.TransferRead,
    responses=documented(*_AUTHORITY, *allowing.REFUSALS, drafting.TransfersUsedUp, TransfersUnavailable),
)
async def draft_transfer(
    body: shapes.TransferAsk,
    caller: TransfersCaller,
    holder: Holder,
    house: TheHouse,
    once: OncePerKey,
    language: Language,
) -> Response:
    """Draft the transfer of an insurance; `checks` say what stands in its way, nothing is sent yet."""

    async def work(_: answers.Unit, remember: Remember[TransferView]) -> TransferView:
        return await drafting.draft(house.db, house.ports.transfers, caller, holder, body.wanted(), remember)

    return once.respond(await once(work, lambda view: shapes.TransferRead.of(view, holder, language)))


@router.get("/{holder}/transfers", responses=documented(*_AUTHORITY))
async def list_transfers(
    caller: TransfersCaller,
    holder: Holder,
    house: TheHouse,
    language: Language,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[shapes.TransferRead]:
    """Transfers, the newest first."""
    views, last = await viewing.list_all(house.db, caller, holder, cursors.read(cursor), limit)
    return Page(
        items=[shapes.TransferRead.of(view, holder, language) for view in views],
        next_cursor=None if last is None else cursors.write(last.created_at, last.id),
    )


@router.get("/{holder}/transfers/{transfer_id}", responses=documented(*_AUTHORITY))
async def read_transfer(
    transfer_id: str, caller: TransfersCaller, holder: Holder, house: TheHouse, language: Language
) -> shapes.TransferRead:
    """A transfer, with its timeline."""
    view = await viewing.read(house.db, caller, holder, deps.identity(transfer_id))
    return shapes.TransferRead.of(view, holder, language)


@router.post(
    "/{holder}/transfers/{transfer_id}/submission",
    status_code=201,
    response_model=shapes.TransferRead,
    responses=documented(
        *_AUTHORITY, *allowing.REFUSALS, *checks.REFUSALS.values(), TransferStepNotAllowed, TransfersUnavailable
    ),
)
async def submit_transfer(
    transfer_id: str, caller: TransfersCaller, holder: Holder, house: TheHouse, once: OncePerKey, language: Language
) -> Response:
    """Hand a draft in; it leaves a moment later."""
    wanted = deps.identity(transfer_id)

    async def work(_: answers.Unit, remember: Remember[TransferView]) -> TransferView:
        return await submitting.submit(house.db, house.ports.transfers, caller, holder, wanted, remember)

    return once.respond(await once(work, lambda view: shapes.TransferRead.of(view, holder, language)))


@router.delete(
    "/{holder}/transfers/{transfer_id}",
    responses=documented(*_AUTHORITY, withdrawing.TransferTooLate),
)
async def withdraw_transfer(
    transfer_id: str, caller: Caller, holder: Holder, house: TheHouse, language: Language
) -> shapes.TransferRead:
    """Take a transfer back: at once, or by asking the places once it has left (`withdrawal`)."""
    view = await withdrawing.withdraw(house.db, caller, holder, deps.identity(transfer_id))
    return shapes.TransferRead.of(view, holder, language)
