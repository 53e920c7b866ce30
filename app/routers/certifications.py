"""Certification of benefits, for oneself and for members."""

from functools import partial

from fastapi import APIRouter, Response

from app.core.db import Session
from app.core.errors import NotFound
from app.models.certifications import Certification
from app.ports.certifications import CertificationsUnavailable
from app.ports.face import FaceServiceUnavailable
from app.problems import documented
from app.routers import cursors, deps, faces
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Caller, Holder, Language, TheHouse
from app.routers.in_channels import CertificationsCaller
from app.routers.once import OncePerKey, Remember
from app.routers.waiting import IfNoneMatch, Prefer, answer_when_changed
from app.schemas import certifications as shapes
from app.services import answers
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.certifications import asking, reading, rows, withdrawing
from app.services.certifications.asking import Asked
from app.services.certifications.reading import CertificationView
from app.services.faces.starting import FaceConsentNeeded, FaceTriesUsed
from app.services.faces.tries import FaceStartsUsed
from app.services.notices import NoticeOutdated

router = APIRouter(
    prefix="/v1/holders/{holder}/benefit-certifications", tags=["benefit certifications"], route_class=StrictRoute
)

_HOLDER = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded)


@router.get("", responses=documented(*_HOLDER, CertificationsUnavailable))
async def read_certifications(
    caller: CertificationsCaller,
    holder: Holder,
    house: TheHouse,
    language: Language,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> shapes.CertificationsRead:
    """Whether and until when somebody's benefits need a certification, how payment stands, and what was done."""
    before = cursors.read(cursor)
    found = await reading.overview(house.db, house.ports.certifications, caller, holder, before=before, most=limit + 1)
    last = found.items[limit - 1] if len(found.items) > limit else None
    next_cursor = None if last is None else cursors.write(last.created_at, last.id)
    return shapes.CertificationsRead.of(found, next_cursor, limit, language)


@router.post(
    "",
    status_code=201,
    response_model=shapes.CertificationRead,
    responses=documented(
        *_HOLDER,
        *allowing.REFUSALS,
        asking.NothingToCertify,
        asking.AlreadyCertified,
        asking.CertificationInReview,
        FaceConsentNeeded,
        NoticeOutdated,
        FaceTriesUsed,
        FaceStartsUsed,
        CertificationsUnavailable,
        FaceServiceUnavailable,
    ),
)
async def certify(
    body: shapes.CertificationAsk,
    caller: CertificationsCaller,
    holder: Holder,
    house: TheHouse,
    once: OncePerKey,
    language: Language,
) -> Response:
    """Certify by a live face, by people at a counter, or by a visit at home; a face of the last 24 hours is enough."""

    async def work(unit: answers.Unit, remember: Remember[shapes.CertificationRead]) -> None:
        async def keep(session: Session, certification: Certification) -> None:
            view = await reading.view(session, certification, caller, holder)
            await remember(session, await _shaped(session, view, language))

        asked = Asked(caller, holder, body.wish(), unit.id)
        await asking.ask(house.db, house.ports, asked, callback_url=faces.callback_url(house), remember=keep)

    return once.respond(await once(work, lambda read: read))


@router.get("/{certification_id}", response_model=shapes.CertificationRead, responses=documented(*_HOLDER))
async def read_certification(
    caller: CertificationsCaller,
    holder: Holder,
    certification_id: str,
    house: TheHouse,
    language: Language,
    prefer: Prefer = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read a certification; with `Prefer: wait=20` and `If-None-Match` the answer comes when it changes, or 304."""
    wanted = deps.identity(certification_id)

    async def read() -> tuple[int, shapes.CertificationRead]:
        view = await reading.one(house.db, caller, holder, wanted)
        shaped = await house.db.run(lambda session: _shaped(session, view, language))
        return view.certification.version, shaped

    return await answer_when_changed(
        house,
        deps.still_signed_in(house, caller),
        read,
        partial(rows.version, house.db, wanted),
        prefer,
        if_none_match,
    )


@router.delete("/{certification_id}", status_code=204, responses=documented(*_HOLDER, asking.AlreadyCertified))
async def take_certification_back(caller: Caller, holder: Holder, certification_id: str, house: TheHouse) -> None:
    """Take a certification back that has not succeeded, and with it the consent to its face check."""
    await withdrawing.take_back(house.db, caller, holder, deps.identity(certification_id))


async def _shaped(session: Session, view: CertificationView, language: str) -> shapes.CertificationRead:
    check = None if view.check is None else await faces.shaped(session, view.check, language)
    return shapes.CertificationRead.shaped(view, check, language)
