"""What was done at a window without a connection, replayed."""

from fastapi import APIRouter
from pydantic import ValidationError

from app.core.errors import AppError, NotFound
from app.ports.register import RegisterUnavailable
from app.problems import documented, in_items
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import House, Language, TheHouse
from app.routers.desk import Staff
from app.routers.window import paper_of
from app.schemas import offline as shapes
from app.services.counter import offline, serving
from app.services.counter.offline import Attest, Deed, Dispute, End, Entry
from app.services.enrolments.attesting import AttestationNotPossible, CounterConsentNeeded, DocumentsNotShown
from app.services.lookups import PersonNotVerified
from app.services.notices import NoticeOutdated
from app.services.operators import duties
from app.services.operators.duties import Duty
from app.services.terminals.requests import HttpRequest, TerminalNotKnown

router = APIRouter(prefix="/v1/counter", tags=["counter"], route_class=StrictRoute)

_OF_DEEDS = (
    *offline.REFUSALS,
    *serving.REFUSALS,
    serving.TerminalElsewhere,
    serving.TerminalNotAtCounter,
    TerminalNotKnown,
    NotFound,
    AttestationNotPossible,
    CounterConsentNeeded,
    DocumentsNotShown,
    NoticeOutdated,
    PersonNotVerified,
    RegisterUnavailable,
)


@router.post("/offline-deeds", responses=documented(*serving.REFUSALS) | in_items(*_OF_DEEDS))
async def replay_offline_deeds(
    body: shapes.OfflineDeedsAsk, caller: Staff, house: TheHouse, language: Language
) -> shapes.OfflineDeedsRead:
    """Replay what was done without a connection: each deed once by terminal and number; no `Idempotency-Key`."""
    duties.require(caller.staff, Duty.ENROL)
    entries = [_entry(house, each) for each in body.deeds]
    done = await offline.replay(house.db, house.ports.register, caller, entries)
    items = [shapes.OfflineDeedRead.of(place, outcome, language) for place, outcome in enumerate(done)]
    return shapes.OfflineDeedsRead(items=items)


def _entry(house: House, signed: shapes.SignedDeedAsk) -> Entry:
    """Read a deed as it was signed; one that says nothing of ours is an entry without one."""
    headers = {
        "content-digest": signed.content_digest,
        "signature-input": signed.signature_input,
        "signature": signed.signature,
    }
    request = HttpRequest("POST", offline.PATH, headers, signed.body.encode())
    try:
        return Entry(request, _deed(house, shapes.DEED.validate_json(signed.body)))
    except (ValidationError, AppError):
        return Entry(request, None)


def _deed(house: House, said: shapes.AnyDeed) -> Deed:
    act: Attest | End | Dispute
    if isinstance(said, shapes.AttestationDeed):
        act = Attest(deps.identity(said.enrolment_id), said.attestation().showing())
    else:
        paper, links = paper_of(house, said.person), frozenset(deps.identity(link_id) for link_id in said.link_ids)
        act = Dispute(paper, links, said.reason) if isinstance(said, shapes.LinkDisputeDeed) else End(paper, links)
    return Deed(said.number, deps.identity(said.session_id), act)
