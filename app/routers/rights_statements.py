"""Statements of what people have in the five insurances: made on demand, one's own and a member's."""

from typing import Any, Final

from fastapi import APIRouter, Response

from app.core.errors import NotFound
from app.ports.insurance import InsuranceUnavailable
from app.ports.papers import PapersBusy
from app.ports.storage import StorageUnavailable
from app.problems import documented
from app.routers import cursors, deps
from app.routers.bodies import StrictRoute
from app.routers.cursors import Cursor, Limit
from app.routers.deps import Holder, Language, TheHouse
from app.routers.in_channels import RightsCaller
from app.routers.once import OncePerKey, Remember
from app.schemas import rights_statements as shapes
from app.schemas.base import Page
from app.services import answers
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.rights import stating
from app.services.statements import Statement

router = APIRouter(prefix="/v1/holders/{holder}/rights/statements", tags=["rights"], route_class=StrictRoute)

_LOOK: Final = (NotFound, LinkFrozen, ServiceNotShared, OwnCardNeeded)
_PDF: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/pdf": {}}, "description": "A PDF file"}}


@router.post(
    "",
    status_code=201,
    response_model=shapes.RightsStatementRead,
    responses=documented(
        *_LOOK,
        *allowing.REFUSALS,
        stating.StatementsUsedUp,
        InsuranceUnavailable,
        PapersBusy,
        StorageUnavailable,
    ),
)
async def issue_statement(
    body: shapes.RightsStatementAsk, caller: RightsCaller, holder: Holder, house: TheHouse, once: OncePerKey,
    language: Language,
) -> Response:  # fmt: skip
    """A printable statement with a number that anybody can ask about; masked, and whole or not at all."""
    url = house.settings.public_url

    async def work(_: answers.Unit, remember: Remember[Statement]) -> None:
        await stating.state(house.db, house.ports, caller, holder, body.wanted(language, url), remember)

    return once.respond(
        await once(work, lambda each: shapes.RightsStatementRead.of(each, holder, url, house.published))
    )


@router.get("", responses=documented(*_LOOK))
async def list_statements(
    caller: RightsCaller, holder: Holder, house: TheHouse, limit: Limit = 20, cursor: Cursor = None
) -> Page[shapes.RightsStatementRead]:
    """Statements of rights whose files are kept, the newest first."""
    url = house.settings.public_url
    found, last = await stating.list_all(house.db, caller, holder, cursors.read(cursor), limit)
    return Page(
        items=[shapes.RightsStatementRead.of(each, holder, url, house.published) for each in found],
        next_cursor=None if last is None else cursors.write(last.issued_at, last.id),
    )


@router.get("/{statement_id}", response_class=Response, responses=_PDF | documented(*_LOOK, StorageUnavailable))
async def read_statement(statement_id: str, caller: RightsCaller, holder: Holder, house: TheHouse) -> Response:
    """The PDF file of a statement, for thirty days (policy)."""
    content = await stating.read(house.db, house.ports, caller, holder, deps.identity(statement_id))
    name = f'attachment; filename="statement-{statement_id}.pdf"'
    return Response(content, headers={"Content-Disposition": name}, media_type="application/pdf")
