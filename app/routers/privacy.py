"""What is held on the caller."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from app.ports.papers import PapersBusy
from app.problems import documented
from app.routers import deps
from app.routers.deps import AsSureAsCanBe, Language, TheHouse
from app.schemas.privacy import MyDataRead
from app.services.privacy import telling, writing
from app.services.privacy.holdings import not_told

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
