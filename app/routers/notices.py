"""The texts people agree to."""

from fastapi import APIRouter, Response

from app.core.errors import NotFound
from app.problems import documented
from app.routers.deps import Language, TheHouse
from app.routers.waiting import IfNoneMatch
from app.schemas.enrolments import NoticeRead
from app.services import notices

router = APIRouter(prefix="/v1/notices", tags=["notices"])


@router.get("/{code}", response_model=NoticeRead, responses=documented(NotFound))
async def read_notice(code: str, house: TheHouse, language: Language, if_none_match: IfNoneMatch = None) -> Response:
    """Read the notice in force, in the language asked for; cacheable by its `ETag`."""
    notice = notices.in_force(house.db.clock.now(), code, language)
    headers = {
        "ETag": f'"{notice.sha256}"',
        "Cache-Control": "public, max-age=300",
        "Content-Language": notice.language,
        "Vary": "Accept-Language",
    }
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(NoticeRead.of(notice).model_dump_json(), headers=headers, media_type="application/json")
