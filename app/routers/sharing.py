"""Medical account sharing: whom I let spend the money of my medical personal account, and whose I may spend."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import AppError, FieldError, Invalid, NotFound
from app.models.sharing import SharingBinding, SharingStepNotAllowed
from app.ports.register import RegisterUnavailable
from app.problems import documented, in_items
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import Caller, House, Language, TheHouse
from app.routers.in_channels import SharingCaller
from app.routers.naming import fault_at
from app.routers.once import OncePerKey, Remember, would_come_again
from app.schemas import sharing as shapes
from app.services import answers, authority
from app.services.accounts.codes import SmsCodeWrong
from app.services.cards.reading import OwnCardNeeded
from app.services.lookups import LookupInProgress, LookupsUsedUp, PersonNotVerified
from app.services.notices import NoticeOutdated
from app.services.people.fitting import RelationshipImplausible, SelfNotAllowed
from app.services.people.identifiers import parse_number
from app.services.people.relationships import find_relationship
from app.services.sharing import answering, asking, keeping, reading
from app.services.sharing.asking import Outcome, Relative
from app.services.sharing.binding import AlreadyShared, SharingDeclined
from app.services.sharing.codes import SharingCodesUsedUp
from app.services.sharing.confirming import RelativeNotShared
from app.services.sharing.rows import MembersAtLimit, SharersAtLimit

_OF_ITEMS = (
    AlreadyShared,
    Invalid,
    LookupInProgress,
    LookupsUsedUp,
    MembersAtLimit,
    PersonNotVerified,
    RegisterUnavailable,
    RelationshipImplausible,
    RelativeNotShared,
    SelfNotAllowed,
    SharersAtLimit,
    SharingCodesUsedUp,
    SharingDeclined,
)


@dataclass(frozen=True, slots=True)
class _Done:
    """Outcomes by their places, beside those of an earlier try with the same key."""

    before: shapes.OutcomesRead
    made: Mapping[int, Outcome]
    language: str

    def told(self) -> shapes.OutcomesRead:
        """Return what is answered."""
        return shapes.OutcomesRead.of(self.made, self.before, self.language)

    def standing(self) -> shapes.OutcomesRead | None:
        """Return what stands; None: all of it does."""
        lasting = {index: each for index, each in self.made.items() if _is_lasting(each)}
        return None if len(lasting) == len(self.made) else shapes.OutcomesRead.of(lasting, self.before, self.language)


router = APIRouter(prefix="/v1/sharing", tags=["sharing"], route_class=StrictRoute)


@router.post(
    "/bindings",
    response_model=shapes.OutcomesRead,
    responses=documented(OwnCardNeeded, NoticeOutdated, deps.CardPasswordRequired) | in_items(*_OF_ITEMS),
)
async def share_with_relatives(
    body: shapes.SharingAsk, caller: SharingCaller, house: TheHouse, once: OncePerKey, language: Language
) -> Response:
    """Share my medical personal account with up to twenty relatives; each has an outcome (needs a step-up)."""
    if caller.is_proven and caller.card_password_version is not None:
        await deps.require_step_up(house, caller)
    relatives = dict(enumerate(_relative(house, each) for each in body.bindings))

    async def work(unit: answers.Unit, remember: Remember[_Done]) -> None:
        before = shapes.OutcomesRead.kept(unit.before)
        open_still = [index for index in relatives if index not in {item.index for item in before.items}]
        wanted = [relatives[index] for index in open_still]
        made = await asking.bind_all(house.db, house.ports.register, caller, body.notice.shown(), wanted, language)
        done = _Done(before, dict(zip(open_still, made, strict=True)), language)
        await house.db.run(lambda session: remember(session, done))

    return once.respond(await once(work, _Done.told, status=200, standing=_Done.standing))


@router.get("/bindings", responses=documented(OwnCardNeeded))
async def read_sharing(caller: Caller, house: TheHouse, language: Language) -> shapes.SharingRead:
    """With whom I share, who shares with me, and in which order that is spent."""

    async def read(session: Session) -> reading.SharingView:
        return await reading.page(session, await _person(session, caller))

    return shapes.SharingRead.of(await house.db.run(read), language)


@router.get("/bindings/{binding_id}", responses=documented(NotFound))
async def read_binding(binding_id: str, caller: Caller, house: TheHouse, language: Language) -> shapes.BindingRead:
    """One relative with whom I share."""
    return await _of_owner(house, caller, deps.identity(binding_id), language)


@router.delete("/bindings/{binding_id}", status_code=204, responses=documented(NotFound))
async def end_sharing(binding_id: str, caller: Caller, house: TheHouse) -> None:
    """End it at once, from either side; before it is active that is the owner's second thought, or the member's no."""
    wanted = deps.identity(binding_id)
    await house.db.run(lambda session: keeping.end(session, caller, wanted))


@router.put(
    "/bindings/{binding_id}/confirmation",
    status_code=204,
    responses=documented(
        NotFound, answering.SharingNotConfirmedHere, SharersAtLimit, SmsCodeWrong, deps.CardPasswordRequired
    ),
)
async def confirm_sharing(
    binding_id: str, body: shapes.SharingConfirmationAsk, caller: SharingCaller, house: TheHouse
) -> None:
    """Agree: by the code that went to the register's phone, or as the member in the app, after a step-up."""
    wanted = deps.identity(binding_id)
    if body.sms_code is not None:
        await answering.by_code(house.db, caller, wanted, body.sms_code)
        return
    await deps.require_step_up(house, caller)
    await house.db.run(lambda session: answering.in_app(session, caller, wanted))


@router.put("/bindings/{binding_id}/cap", responses=documented(NotFound, deps.CardPasswordRequired))
async def cap_sharing(
    binding_id: str, body: shapes.SharingCapAsk, caller: SharingCaller, house: TheHouse, language: Language
) -> shapes.BindingRead:
    """Say how much a relative may spend of my money in a month; to allow more takes a step-up."""
    wanted, monthly = deps.identity(binding_id), body.amount()
    if not await house.db.run(lambda session: keeping.narrow(session, caller, wanted, monthly)):
        await deps.require_step_up(house, caller)
        await house.db.run(lambda session: keeping.cap(session, caller, wanted, monthly))
    return await _of_owner(house, caller, wanted, language)


@router.put("/bindings/{binding_id}/pause", responses=documented(NotFound, SharingStepNotAllowed))
async def pause_sharing(binding_id: str, caller: Caller, house: TheHouse, language: Language) -> shapes.BindingRead:
    """Let nothing be spent of my money until I resume."""
    wanted = deps.identity(binding_id)
    await house.db.run(lambda session: keeping.pause(session, caller, wanted))
    return await _of_owner(house, caller, wanted, language)


@router.delete(
    "/bindings/{binding_id}/pause", responses=documented(NotFound, SharingStepNotAllowed, deps.CardPasswordRequired)
)
async def resume_sharing(
    binding_id: str, caller: SharingCaller, house: TheHouse, language: Language
) -> shapes.BindingRead:
    """Let my money be spent again (needs a step-up)."""
    await deps.require_step_up(house, caller)
    wanted = deps.identity(binding_id)
    await house.db.run(lambda session: keeping.resume(session, caller, wanted))
    return await _of_owner(house, caller, wanted, language)


@router.put("/order", responses=documented(OwnCardNeeded, keeping.SharingOrderNotAllowed))
async def order_sharing(
    body: shapes.SharingOrderAsk, caller: SharingCaller, house: TheHouse, language: Language
) -> shapes.SharingRead:
    """Say in which order the money that is shared with me is spent."""
    chosen = [_chosen(place, each) for place, each in enumerate(body.binding_ids)]

    async def work(session: Session) -> reading.SharingView:
        person_id = await _person(session, caller)
        await keeping.choose_order(session, caller, body.order, chosen)
        await session.flush()
        return await reading.page(session, person_id)

    return shapes.SharingRead.of(await house.db.run(work), language)


async def _of_owner(house: House, caller: Caller, binding_id: UUID, language: str) -> shapes.BindingRead:
    async def read(session: Session) -> reading.BindingView:
        binding: SharingBinding = await keeping.of_owner(session, caller, binding_id)
        return await reading.view(session, binding)

    return shapes.BindingRead.of(await house.db.run(read), language)


async def _person(session: Session, caller: Caller) -> UUID:
    try:
        return await authority.person_still(session, caller)
    except NotFound:
        raise OwnCardNeeded from None


def _chosen(place: int, binding_id: str) -> UUID:
    try:
        return deps.identity(binding_id)
    except NotFound:
        raise Invalid(errors=[FieldError(f"/binding_ids/{place}", "choice")]) from None


def _relative(house: House, asked: shapes.RelativeAsk) -> Relative | AppError:
    """Read one relative as people type them; what is none is a refusal of theirs alone."""
    faults: list[FieldError] = []
    number = relationship = None
    known_as = asking.computer_number(asked.computer_number)
    if not known_as:
        faults.append(FieldError("/computer_number", "empty"))
    with fault_at("/id_number", faults):
        number = parse_number(asked.id_number, population=house.population)
    with fault_at("/relationship", faults):
        relationship = find_relationship(asked.relationship)
    if faults or number is None or relationship is None:
        return Invalid(errors=faults)
    return Relative(known_as, number, relationship)


def _is_lasting(outcome: Outcome) -> bool:
    """Say whether an outcome would be the same with the next try."""
    return not isinstance(outcome, AppError) or would_come_again(outcome)
