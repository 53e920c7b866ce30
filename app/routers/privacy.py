"""What is held on the caller, and the end of their account."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.core.errors import Unauthenticated
from app.ports.papers import PapersBusy
from app.problems import documented
from app.routers import deps
from app.routers.deps import AsSureAsCanBe, Caller, House, Language, TheHouse
from app.routers.versions import IfMatchNeeded, version_seen
from app.schemas.privacy import ClosingRead, ClosingReceiptRead, MyDataRead
from app.services.accounts.sessions import MoreProofNeeded, SessionEnded
from app.services.privacy import closing, ending, telling, writing
from app.services.privacy.holdings import not_told
from app.services.privacy.receipts import Receipt

router = APIRouter(prefix="/v1/me", tags=["my data"])

_PDF = "application/pdf"
_Format = Annotated[
    Literal["json", "pdf"] | None, Query(alias="format", description="Instead of `Accept`; JSON has everything")
]


@router.get(
    "/data",
    response_model=MyDataRead,
    responses={
        200: {"content": {_PDF: {"schema": {"type": "string", "format": "binary"}}}},
        **documented(deps.CardPasswordRequired, PapersBusy),
    },
)
async def read_my_data(
    request: Request, caller: AsSureAsCanBe, house: TheHouse, language: Language, wanted: _Format = None
) -> Response:
    """Everything that is held on me and was done for me, as JSON or as a PDF file."""
    data = await house.db.run(lambda session: telling.tell(session, caller))
    if wanted == "json" or (wanted is None and _PDF not in request.headers.get("accept", "")):
        return deps.written(MyDataRead.of(data, not_told()).model_dump_json().encode(), language)
    paper = await writing.write(
        house.db, house.ports.papers, data, public_url=house.settings.public_url, language=language
    )
    named = {"Content-Disposition": 'attachment; filename="my-data.pdf"', "Content-Language": language}
    return Response(paper.content, media_type=_PDF, headers=named)


@router.get("/closing")
async def read_closing(caller: Caller, house: TheHouse, language: Language, response: Response) -> ClosingRead:
    """What closing my account does; nothing is done."""
    effects = await house.db.run(lambda session: ending.of(session, caller))
    response.headers["ETag"] = f'"{effects.version}"'
    return ClosingRead.of(effects, language)


@router.delete(
    "",
    responses=documented(
        Unauthenticated,
        SessionEnded,
        MoreProofNeeded,
        deps.CardPasswordRequired,
        ending.FilingOnItsWay,
        closing.ClosingChanged,
        closing.ClosingNotSeen,
    ),
)
async def close_my_account(
    request: Request, house: TheHouse, language: Language, if_match: IfMatchNeeded = None
) -> ClosingReceiptRead:
    """Close my account and erase what is held on me, for good; sent again, the same receipt comes again."""
    version = version_seen(if_match, closing.ClosingChanged)
    return ClosingReceiptRead.of(await _closed(request, house, language, version), language)


async def _closed(request: Request, house: House, language: str, version: int | None) -> Receipt:
    """Close the caller's account, unless their session has done it before: it is over then, its token is known."""
    claims = deps.claims_of(request, house)
    before = await house.db.run(
        lambda session: closing.receipt_for(session, house.published, claims.account_id, claims.session_id)
    )
    if before is not None:
        return before
    caller = await deps.as_sure_as_can_be(request, house)
    return await closing.close_and_tell(house.db, house.ports.messages, house.published, caller, version, language)
