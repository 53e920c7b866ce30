"""What is done at a branch's window: applications, links, locks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from app.core.errors import NotFound, PreconditionFailed, PreconditionRequired
from app.models.counter import Purpose
from app.models.enrolments import StepNotAllowed
from app.models.links import LinkDispute
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import deps
from app.routers.bodies import StrictRoute
from app.routers.deps import House, Language, TheHouse
from app.routers.desk import AtCounter, Staff
from app.routers.naming import DETAILS, read_details, read_who
from app.routers.once import OncePerStaffKey, Remember
from app.routers.versions import IfMatch, version_seen
from app.schemas import window as shapes
from app.schemas.base import Page
from app.schemas.family import LinkDisputeRead
from app.schemas.link_endings import HeldLinksRead
from app.services import answers
from app.services.cards import allowing
from app.services.cards.passwords import CardPasswordNotSet, CardPasswordResetNeeded
from app.services.cards.reading import OwnCardNeeded
from app.services.cards.unlocking import CardPasswordNotLocked, UnlocksUsedUp
from app.services.counter import deeds, enrolling, leaving, opening, papers, proving, serving, unlocking, using
from app.services.counter.deeds import Hand
from app.services.counter.enrolling import CounterView
from app.services.counter.knowing import ReadsUsedUp
from app.services.counter.papers import Paper
from app.services.counter.proving import NothingToAttest, Proven
from app.services.counter.serving import Serving
from app.services.enrolments.attesting import AttestationNotPossible, CounterConsentNeeded, DocumentsNotShown
from app.services.enrolments.steps import EnrolmentsUsedUp
from app.services.family.leaving import Held
from app.services.lookups import PersonNotVerified
from app.services.notices import NoticeOutdated

router = APIRouter(prefix="/v1/counter", tags=["counter"], route_class=StrictRoute)

_OF_MEMBER = (
    NotFound,
    *serving.REFUSALS,
    *using.REFUSALS,
    PersonNotVerified,
    ReadsUsedUp,
    DocumentsNotShown,
    RegisterUnavailable,
)

CardRead = Annotated[
    str,
    Header(
        alias="Card-Read",
        description="The `card_read` of the owner's card",
        max_length=200,
        json_schema_extra={"pattern": "^[A-Za-z0-9_=-]*$"},
    ),
]


@router.get("/enrolments", responses=documented(*serving.REFUSALS, *using.REFUSALS))
async def list_enrolments_of_card(
    at: AtCounter, card_read: CardRead, house: TheHouse, language: Language
) -> Page[shapes.CounterEnrolmentRead]:
    """List the open applications of an owner whose card was read for `enrolment`."""
    hand = deeds.hand_at(at)
    found = await house.db.run(lambda session: enrolling.of_owner(session, hand, card_read))
    return Page(items=[shapes.CounterEnrolmentRead.of(view, language) for view in found])


@router.post(
    "/enrolments",
    status_code=201,
    response_model=shapes.CounterEnrolmentRead,
    responses=documented(
        *serving.REFUSALS,
        *using.REFUSALS,
        *allowing.REFUSALS,
        OwnCardNeeded,
        EnrolmentsUsedUp,
        NoticeOutdated,
    ),
)
async def begin_enrolment_at_counter(
    body: shapes.CounterEnrolmentAsk, at: AtCounter, house: TheHouse, language: Language, once: OncePerStaffKey
) -> Response:
    """Begin to add a relative for an owner whose card was read: the relative needs no phone."""
    hand = deeds.hand_at(at)

    async def work(_: answers.Unit, remember: Remember[CounterView]) -> None:
        await opening.begin(house.db, hand, body.owner_card_read, body.notice.shown(), remember)

    return once.respond(await once(work, lambda view: shapes.CounterEnrolmentRead.of(view, language)))


@router.put(
    "/enrolments/{enrolment_id}/details",
    response_model=shapes.CounterEnrolmentRead,
    responses=documented(
        *serving.REFUSALS,
        *using.REFUSALS,
        *DETAILS,
        OwnCardNeeded,
        StepNotAllowed,
        PreconditionRequired,
        PreconditionFailed,
        RegisterUnavailable,
    ),
)
async def give_details_at_counter(
    enrolment_id: str,
    body: shapes.CounterDetailsAsk,
    at: AtCounter,
    house: TheHouse,
    language: Language,
    if_match: IfMatch = None,
) -> Response:
    """Say whom an owner's application is about, at the window; the same again changes nothing."""
    view = await opening.name(
        house.db,
        house.ports.register,
        deeds.hand_at(at),
        body.owner_card_read,
        deps.identity(enrolment_id),
        read_details(house, body.details()),
        version_seen(if_match),
    )
    return _answered(view, language)


@router.get(
    "/enrolments/{enrolment_id}",
    response_model=shapes.CounterEnrolmentRead,
    responses=documented(NotFound, *serving.REFUSALS, RegisterUnavailable),
)
async def read_enrolment_at_counter(enrolment_id: str, caller: Staff, house: TheHouse, language: Language) -> Response:
    """Read the application whose number somebody shows on their phone; the look is written down."""
    view = await enrolling.read(house.db, house.ports.register, caller, deps.identity(enrolment_id))
    return _answered(view, language)


@router.post(
    "/enrolments/{enrolment_id}/attestations",
    status_code=201,
    response_model=shapes.CounterEnrolmentRead,
    responses=documented(
        NotFound,
        *serving.REFUSALS,
        *using.REFUSALS,
        AttestationNotPossible,
        DocumentsNotShown,
        CounterConsentNeeded,
        NoticeOutdated,
        PreconditionRequired,
        PreconditionFailed,
        RegisterUnavailable,
    ),
)
async def attest_identity(
    enrolment_id: str,
    body: shapes.AttestationAsk,
    at: AtCounter,
    house: TheHouse,
    language: Language,
    once: OncePerStaffKey,
    if_match: IfMatch = None,
) -> Response:
    """Attest in person who the member is, as I have read it (`If-Match`): it takes the place of the face step."""
    wanted, hand = deps.identity(enrolment_id), deeds.hand_at(at)
    showing = replace(body.showing(), version=version_seen(if_match))

    async def work(_: answers.Unit, remember: Remember[CounterView]) -> None:
        await enrolling.attest(house.db, house.ports.register, hand, wanted, showing, remember)

    return once.respond(await once(work, lambda view: shapes.CounterEnrolmentRead.of(view, language)))


@router.post(
    "/link-endings",
    status_code=201,
    response_model=HeldLinksRead,
    responses=documented(*_OF_MEMBER),
)
async def end_links_at_counter(
    body: shapes.CounterLinkEndingAsk, at: AtCounter, house: TheHouse, language: Language, once: OncePerStaffKey
) -> Response:
    """See who acts for a member who is there, and end all or some of it at once; no account is needed."""
    hand, chosen = deeds.hand_at(at), [deps.identity(link_id) for link_id in body.link_ids]
    purposes = (Purpose.LINK_ENDING,) if chosen else (Purpose.LINK_ENDING, Purpose.DISPUTE)

    async def work(_: answers.Unit, remember: Remember[Sequence[Held]]) -> None:
        served = await _served(house, hand, body, *purposes)
        if chosen:
            await leaving.end(house.db, house.ports.register, hand, served, chosen, remember)
        else:
            await leaving.show(house.db, hand, served, remember)

    return once.respond(await once(work, lambda found: HeldLinksRead.of(found, language)))


@router.post(
    "/link-disputes",
    status_code=201,
    response_model=LinkDisputeRead,
    responses=documented(*_OF_MEMBER),
)
async def dispute_link_at_counter(
    body: shapes.CounterLinkDisputeAsk, at: AtCounter, house: TheHouse, once: OncePerStaffKey
) -> Response:
    """Object to a link for a member who is there: frozen at once, until people decide; no account is needed."""
    hand, wanted = deeds.hand_at(at), deps.identity(body.link_id)

    async def work(_: answers.Unit, remember: Remember[Sequence[LinkDispute]]) -> None:
        served = await _served(house, hand, body, Purpose.DISPUTE)
        await leaving.dispute(house.db, house.ports.register, hand, served, (wanted,), body.reason, remember)

    return once.respond(await once(work, lambda opened: LinkDisputeRead.of(opened[0])))


@router.post(
    "/password-unlocks",
    status_code=201,
    response_model=shapes.PasswordUnlockRead,
    responses=documented(
        *serving.REFUSALS,
        *using.REFUSALS,
        CardPasswordNotSet,
        CardPasswordNotLocked,
        CardPasswordResetNeeded,
        UnlocksUsedUp,
    ),
)
async def unlock_password(
    body: shapes.PasswordUnlockAsk, at: AtCounter, house: TheHouse, once: OncePerStaffKey
) -> Response:
    """Lift the lock of a card password for a holder whose card was read; nobody sets one for them."""
    hand = deeds.hand_at(at)

    async def work(_: answers.Unit, remember: Remember[int]) -> None:
        await unlocking.unlock(house.db, hand, body.card_read, remember)

    return once.respond(await once(work, lambda left: shapes.PasswordUnlockRead(left_until_reset=left)))


@router.post(
    "/attestations",
    status_code=201,
    response_model=shapes.IdentityAttestationRead,
    responses=documented(*serving.REFUSALS, *using.REFUSALS, NothingToAttest, RegisterUnavailable),
)
async def attest_holder(
    body: shapes.IdentityAttestationAsk, at: AtCounter, house: TheHouse, once: OncePerStaffKey
) -> Response:
    """Attest in person who somebody is, for their certification, password reset or confirmation that waits."""
    hand, seen = deeds.hand_at(at), frozenset(body.documents_seen)

    async def work(_: answers.Unit, remember: Remember[Proven]) -> None:
        await proving.attest(house.db, house.ports.register, hand, body.card_read, seen, remember)

    return once.respond(await once(work, shapes.IdentityAttestationRead.of))


def _answered(view: CounterView, language: str) -> Response:
    """Answer with an application and its version, in a language."""
    body = shapes.CounterEnrolmentRead.of(view, language).model_dump_json()
    headers = {"ETag": f'"{view.enrolment.version}"', "Content-Language": language}
    return Response(body, headers=headers, media_type="application/json")


async def _served(house: House, hand: Hand, body: shapes.MemberAsk, *purposes: Purpose) -> Serving:
    """Return whom a clerk serves: by a card that was read for one of these purposes, or by papers for the first."""
    if body.person is None:
        token = body.card_read or ""
        return await house.db.run(lambda session: using.open_read(session, hand, token, *purposes))
    paper = paper_of(house, body.person)
    return await papers.serve(house.db, house.ports.register, hand.caller, paper, purposes[0])


def paper_of(house: House, said: shapes.PaperAsk) -> Paper:
    """Read what somebody's documents say.

    Raises:
        Invalid: name or number is none; `errors` says which.
    """
    name, number = read_who(house, said.name, said.social_security_number, within="/person")
    return Paper(name, number, frozenset(said.documents_seen))
