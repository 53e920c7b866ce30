"""The documents step: files are sent and taken back."""

from fastapi import APIRouter, Request, Response

from app.core.errors import NotFound, PreconditionFailed, PreconditionRequired
from app.models.documents import DocumentKind
from app.models.enrolments import StepNotAllowed
from app.ports.images import (
    FileEncrypted,
    ImagesBusy,
    ImageTooManyPixels,
    ImageTooSmall,
    ImageTypeUnsupported,
    ImageUnreadable,
    ImageUse,
    PdfActiveContent,
    PdfTooManyPages,
)
from app.ports.storage import StorageUnavailable
from app.problems import documented
from app.routers import deps
from app.routers.bodies import file_body
from app.routers.deps import Caller, TheHouse
from app.routers.enrolments import answered
from app.routers.versions import IfMatch, version_seen
from app.schemas import enrolments as shapes
from app.services.documents import ImageAlreadyFailed, ImageBlurred, ImageGlare
from app.services.enrolments import evidence

router = APIRouter(prefix="/v1/enrolments", tags=["enrolments"])

_CHANGE = (NotFound, StepNotAllowed, PreconditionRequired, PreconditionFailed)
_FILE_BODY = file_body(ImageUse.REGISTER.types)
_FILE_REFUSALS = documented(
    *_CHANGE,
    evidence.DocumentKindNotNeeded,
    evidence.ConsentNeeded,
    ImageAlreadyFailed,
    ImageBlurred,
    ImageGlare,
    ImageTypeUnsupported,
    ImageUnreadable,
    ImageTooManyPixels,
    ImageTooSmall,
    ImagesBusy,
    PdfActiveContent,
    PdfTooManyPages,
    FileEncrypted,
    StorageUnavailable,
)


@router.put(
    "/{enrolment_id}/documents/{kind}",
    response_model=shapes.EnrolmentRead,
    openapi_extra=_FILE_BODY,
    responses=_FILE_REFUSALS,
)
async def put_document(
    enrolment_id: str,
    kind: DocumentKind,
    request: Request,
    caller: Caller,
    house: TheHouse,
    if_match: IfMatch = None,
) -> Response:
    """Send a document's first page, or a PDF of a register: the body is the file."""
    return await _put_page(enrolment_id, kind, 1, request, caller, house, if_match)


@router.put(
    "/{enrolment_id}/documents/{kind}/{page}",
    response_model=shapes.EnrolmentRead,
    openapi_extra=_FILE_BODY,
    responses=_FILE_REFUSALS,
)
async def put_document_page(
    enrolment_id: str,
    kind: DocumentKind,
    page: int,
    request: Request,
    caller: Caller,
    house: TheHouse,
    if_match: IfMatch = None,
) -> Response:
    """Send one page (1 to 4) of a document."""
    if not 1 <= page <= 4 or (kind is DocumentKind.FACIAL_PHOTO and page != 1):
        raise NotFound
    return await _put_page(enrolment_id, kind, page, request, caller, house, if_match)


@router.delete("/{enrolment_id}/documents/{kind}", status_code=204, responses=documented(*_CHANGE))
async def remove_document(
    enrolment_id: str, kind: DocumentKind, caller: Caller, house: TheHouse, if_match: IfMatch = None
) -> None:
    """Take a document back."""
    wanted, seen = deps.identity(enrolment_id), version_seen(if_match)
    await house.db.run(lambda session: evidence.remove(session, caller, wanted, kind, seen))


async def _put_page(
    enrolment_id: str,
    kind: DocumentKind,
    page: int,
    request: Request,
    caller: Caller,
    house: TheHouse,
    if_match: str | None,
) -> Response:
    wanted, seen = deps.identity(enrolment_id), version_seen(if_match)
    with house.traffic.one_upload(caller.account_id):
        content = await request.body()
        view = await evidence.upload(house.db, house.ports, caller, wanted, kind, page, content, seen)
    return answered(view, deps.language_of(request))
