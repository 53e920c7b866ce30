"""What staff do at a counter, for people who stand before them."""

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import FieldError, Invalid
from app.models.sharing import SharingBinding
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers.bodies import StrictRoute
from app.routers.deps import Language, TheHouse
from app.routers.desk import AtCounter
from app.routers.once import OncePerStaffKey, Remember
from app.schemas import counter as shapes
from app.services import answers
from app.services.cards.allowing import CardCancelled, CardIsLocked, CardIsLost, CardNotActivated
from app.services.counter import binding, deeds, knowing, looking, reading, serving, using
from app.services.notices import NoticeOutdated
from app.services.people.fitting import RelationshipImplausible, SelfNotAllowed
from app.services.people.relationships import Relationship, RelationshipNotValid, find_relationship
from app.services.sharing.binding import AlreadyShared, SharingDeclined
from app.services.sharing.codes import SharingCodesUsedUp
from app.services.sharing.confirming import GuardianNotHere, RelativeNotShared
from app.services.sharing.rows import MembersAtLimit, SharersAtLimit

router = APIRouter(prefix="/v1/counter", tags=["counter"], route_class=StrictRoute)


@router.post(
    "/card-reads",
    status_code=201,
    responses=documented(
        *serving.REFUSALS,
        knowing.ReadsUsedUp,
        knowing.CardNotKnown,
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
async def look_up(body: shapes.LookUpAsk, at: AtCounter, house: TheHouse) -> shapes.LookUpRead:
    """Look at how somebody stands whose card was read, masked, for what it was read for; each look is written down."""
    hand = deeds.hand_at(at)
    looked = await house.db.run(lambda session: looking.look_up(session, hand, body.card_read))
    return shapes.LookUpRead.of(looked)


@router.post(
    "/sharing-bindings",
    status_code=201,
    response_model=shapes.CounterSharingRead,
    responses=documented(
        *serving.REFUSALS,
        *using.REFUSALS,
        knowing.CardNotKnown,
        knowing.ReadsUsedUp,
        SelfNotAllowed,
        RelativeNotShared,
        RelationshipImplausible,
        AlreadyShared,
        SharingDeclined,
        MembersAtLimit,
        SharersAtLimit,
        SharingCodesUsedUp,
        GuardianNotHere,
        NoticeOutdated,
        RegisterUnavailable,
    ),
)
async def bind_at_counter(
    body: shapes.CounterSharingAsk, at: AtCounter, house: TheHouse, once: OncePerStaffKey, language: Language
) -> Response:
    """Let somebody whose card was read share their medical account; a member whose card was read too has agreed."""
    hand = deeds.hand_at(at)
    asked = binding.Asked(
        body.owner_card_read,
        body.member_card_read,
        body.member_card_number,
        _relationship(body.relationship),
        body.notice.shown(),
        language,
        body.guardian_card_read,
    )

    async def work(_: answers.Unit, remember: Remember[shapes.CounterSharingRead]) -> None:
        async def keep(session: Session, bound: SharingBinding) -> None:
            await remember(session, shapes.CounterSharingRead.of(bound, language))

        await binding.bind(house.db, house.ports.register, house.population, hand, asked, keep)

    return once.respond(await once(work, lambda shaped: shaped))


def _relationship(text: str) -> Relationship:
    try:
        return find_relationship(text)
    except RelationshipNotValid as error:
        raise Invalid(errors=[FieldError("/relationship", error.reason.value)]) from error
