"""What staff do at a counter, for people who stand before them."""

from fastapi import APIRouter

from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers.bodies import StrictRoute
from app.routers.deps import TheHouse
from app.routers.desk import AtCounter, Staff
from app.schemas import counter as shapes
from app.services.cards.allowing import CardCancelled, CardIsLocked, CardIsLost, CardNotActivated
from app.services.counter import looking, reading, serving, using

router = APIRouter(prefix="/v1/counter", tags=["counter"], route_class=StrictRoute)


@router.post(
    "/card-reads",
    status_code=201,
    responses=documented(
        *serving.REFUSALS,
        reading.ReadsUsedUp,
        reading.CardNotKnown,
        CardIsLost,
        CardIsLocked,
        CardNotActivated,
        CardCancelled,
        RegisterUnavailable,
    ),
)
async def read_card(body: shapes.CardReadAsk, at: AtCounter, house: TheHouse) -> shapes.CardReadRead:
    """Take a card that a terminal has read: signed by the terminal, session and all; no `Idempotency-Key`."""
    given = await reading.read(house.db, house.ports.register, house.population, at, body.shown())
    return shapes.CardReadRead.of(given)


@router.post("/look-ups", responses=documented(*serving.REFUSALS, *using.REFUSALS))
async def look_up(body: shapes.LookUpAsk, caller: Staff, house: TheHouse) -> shapes.LookUpRead:
    """Look at how somebody stands whose card was read, masked, for what it was read for; each look is written down."""
    looked = await house.db.run(lambda session: looking.look_up(session, caller, body.card_read))
    return shapes.LookUpRead.of(looked)
