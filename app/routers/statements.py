"""Whether a paper in somebody's hands is ours: open to everybody."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse

from app import texts
from app.routers import deps
from app.routers.deps import Address, Language, TheHouse
from app.routers.plain import page
from app.schemas.statements import StatementCheckRead
from app.services import statements

router = APIRouter(prefix="/v1/statements", tags=["statements"])

_Number = Annotated[str, Path(description="As it is printed, or without its hyphens")]


@router.get(
    "/{number}",
    response_model=StatementCheckRead,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def verify_statement(
    number: _Number, request: Request, house: TheHouse, language: Language, address: Address
) -> Response:
    """Whether a statement with this number is ours, of which day, and its SHA-256; a browser is shown a page."""
    house.traffic.count_statement_check(address)
    verified = StatementCheckRead.of(await house.db.run(lambda session: statements.verify(session, number)))
    answer: Response
    if "text/html" in request.headers.get("accept", ""):
        answer = _page(verified, language)
    else:
        answer = deps.written(verified.model_dump_json().encode(), language)
    answer.headers["Vary"] = "Accept, Accept-Language"
    return answer


def _page(verified: StatementCheckRead, language: str) -> HTMLResponse:
    words = texts.page("statement_valid" if verified.valid else "statement_unknown", language)
    facts = f"<p>{verified.issued_on}</p><p><code>{verified.sha256}</code></p>" if verified.valid else ""
    return page(language, "escard", f"<p>{words}</p>{facts}")
