"""Presentation codes: shown on phones, redeemed by terminals."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.core.errors import NotFound
from app.core.tokens.codes import CodeExpired, CodeNotValid
from app.problems import documented
from app.routers.bodies import StrictRoute
from app.routers.deps import Claims, Holder, Language, SigningTerminal, TheHouse
from app.schemas import showings as shapes
from app.schemas.showings import Drawing
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.showings import issuing, redeeming
from app.services.showings.issuing import NoCardToShow, PhoneCheckNeeded
from app.services.showings.redeeming import CodeUsed, CodeWithdrawn, TerminalNotAllowed

router = APIRouter(prefix="/v1", tags=["presentation codes"], route_class=StrictRoute)

_TO_IDENTIFY = shapes.CodeAsk()
_IMAGES = {drawing.media_type: {"schema": {"type": "string", "format": "binary"}} for drawing in Drawing}


@router.post(
    "/holders/{holder}/card/codes",
    response_model=shapes.CodeRead,
    responses=documented(
        NotFound,
        LinkFrozen,
        ServiceNotShared,
        OwnCardNeeded,
        PhoneCheckNeeded,
        NoCardToShow,
        *allowing.REFUSALS,
    )
    | {200: {"content": _IMAGES}},
)
async def issue_code(
    claims: Claims,
    holder: Holder,
    house: TheHouse,
    body: shapes.CodeAsk = _TO_IDENTIFY,
    qr: Annotated[Drawing | None, Query(description="Draw it; the answer is the image")] = None,
) -> Response:
    """A code that shows a card to a terminal: good for a minute, once, for one purpose; no `Idempotency-Key`."""
    if holder is None:
        code = await issuing.own(house.db, house.codes, claims, body.purpose)
    else:
        code = await issuing.of_member(house.db, house.codes, claims, holder, body.purpose)
    if qr is None:
        return Response(shapes.written(code), media_type="application/json")
    return Response(await asyncio.to_thread(shapes.drawn, code, qr), media_type=qr.media_type)


@router.post(
    "/terminals/code-redemptions",
    responses=documented(CodeNotValid, CodeExpired, CodeUsed, CodeWithdrawn, TerminalNotAllowed),
)
async def redeem_code(
    body: shapes.RedemptionAsk, terminal: SigningTerminal, house: TheHouse, language: Language
) -> shapes.RedemptionRead:
    """Redeem a code that a terminal has read: whose card, which, shown by whom; the request is signed (RFC 9421)."""
    redeemed = await redeeming.redeem(house.db, house.codes, terminal, body.code)
    return shapes.RedemptionRead.of(redeemed, language)
