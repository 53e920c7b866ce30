"""Payments out of personal accounts: what one would draw, drawn at terminals, given back, and what was."""

from fastapi import APIRouter

from app.ports.medical_funds import MedicalFundsUnavailable
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Caller, TheHouse
from app.routers.desk import SigningTerminal
from app.schemas.draws import DrawAsk, DrawRead, DrawsRead, MonthRead, PreviewAsk, PreviewRead, TerminalDrawRead
from app.services.cards.reading import OwnCardNeeded
from app.services.draws import drawing, history, previewing, reversing
from app.services.medical_accounts import amounts

router = APIRouter(prefix="/v1", tags=["draws"], route_class=StrictRoute)


@router.post("/sharing/previews", responses=documented(OwnCardNeeded, MedicalFundsUnavailable))
async def preview_payment(body: PreviewAsk, caller: Caller, house: TheHouse) -> PreviewRead:
    """What a payment of mine would draw now, out of whose account; nothing is done, so no `Idempotency-Key`."""
    amount = amounts.parse_amount(body.amount)
    with house.traffic.one_preview(caller.account_id):
        return PreviewRead.of(await previewing.preview(house.db, house.ports.medical_funds, caller, amount))


@router.get("/sharing/draws", responses=documented(OwnCardNeeded))
async def list_draws(caller: Caller, house: TheHouse, limit: Limit = 20, cursor: Cursor = None) -> DrawsRead:
    """What I have spent of personal accounts, mine and shared ones, and what others have spent of mine."""
    after = cursors.read(cursor)
    items = await house.db.run(lambda session: history.page(session, caller, after, limit))
    sums = [] if after else await house.db.run(lambda session: history.months(session, caller))
    shown, last = [DrawRead.of(item) for item in items[:limit]], items[limit - 1 : limit]
    next_cursor = cursors.write(last[0].drawn_at, last[0].id) if len(items) > limit else None
    return DrawsRead(items=shown, next_cursor=next_cursor, months=[MonthRead.of(month) for month in sums])


@router.post("/terminals/draws", status_code=201, responses=documented(*drawing.REFUSALS))
async def draw(body: DrawAsk, terminal: SigningTerminal, house: TheHouse) -> TerminalDrawRead:
    """Pay with the accounts of whose code was redeemed; once by the terminal's order number, the request is signed."""
    ports = house.ports
    return TerminalDrawRead.of(
        await drawing.draw(house.db, ports.register, ports.medical_funds, terminal, body.order())
    )


@router.post("/terminals/draws/{draw_id}/reversals", status_code=201, responses=documented(*reversing.REFUSALS))
async def reverse_draw(draw_id: str, terminal: SigningTerminal, house: TheHouse) -> TerminalDrawRead:
    """Give a draw of the terminal's office back, whole, to the accounts it came from; once."""
    return TerminalDrawRead.of(
        await reversing.give_back(house.db, house.ports.medical_funds, terminal, deps.identity(draw_id))
    )
