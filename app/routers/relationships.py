"""What a relative may be: the codes that details take, with their words and rules."""

import hashlib

from fastapi import APIRouter, Response

from app.routers.deps import Language, TheHouse
from app.routers.waiting import IfNoneMatch
from app.schemas.relationships import RelationshipsRead
from app.services import policies
from app.services.people.plausibility import AgeRules

router = APIRouter(prefix="/v1/relationships", tags=["relationships"])


@router.get("", response_model=RelationshipsRead)
async def list_relationships(house: TheHouse, language: Language, if_none_match: IfNoneMatch = None) -> Response:
    """List every relationship by its code (GB/T 4761): its name, its place, what must fit; cacheable by its `ETag`."""
    rules = (await policies.at_hand(house.db)).age_rules
    found = RelationshipsRead.of(AgeRules(**rules.model_dump()), rules.since, language)
    content = found.model_dump_json().encode()
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
        "Cache-Control": "public, max-age=300",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
