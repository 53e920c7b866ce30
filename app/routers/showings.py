"""Presentation codes: shown on phones, redeemed by terminals."""

import asyncio
import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.core.errors import NotFound
from app.core.tokens.codes import CodeExpired, CodeNotValid
from app.models.showings import ShowingPurpose
from app.ports.register import RegisterUnavailable
from app.problems import documented
from app.routers import deps, desk
from app.routers.bodies import StrictRoute
from app.routers.deps import Claims, Holder, House, Language, TheHouse
from app.routers.desk import SigningTerminal
from app.routers.shortcuts import Deed
from app.schemas import showings as shapes
from app.schemas.showings import Drawing
from app.services.authority import LinkFrozen, ServiceNotShared
from app.services.cards import allowing
from app.services.cards.reading import OwnCardNeeded
from app.services.channel_registry.standing import ServiceNotInChannel
from app.services.showings import issuing, redeeming
from app.services.showings.issuing import NoCardToShow, PhoneCheckNeeded
from app.services.showings.redeeming import CodeUsed, CodeWithdrawn, TerminalNotAllowed

router = APIRouter(prefix="/v1", tags=["presentation codes"], route_class=StrictRoute)

_TO_IDENTIFY = shapes.CodeAsk()
_GOOD_UNTIL: Final = "Code-Expires-At"
_WHEN: Final = {
    "description": "Of a drawing: until when its code is good, as `expires_at` says it of a text.",
    "schema": {"type": "string", "format": "date-time"},
}
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
        ServiceNotInChannel,
        *allowing.REFUSALS,
    )
    | {200: {"content": _IMAGES, "headers": {_GOOD_UNTIL: _WHEN}}},
)
async def issue_code(
    claims: Claims,
    holder: Holder,
    house: TheHouse,
    body: shapes.CodeAsk = _TO_IDENTIFY,
    qr: Annotated[Drawing | None, Query(description="Draw it; the answer is the image")] = None,
) -> Response:
    """A code that shows a card to a terminal: good for a minute, once, for one purpose; no `Idempotency-Key`."""
    count = house.traffic.count_in_channel
    if holder is None:
        code = await issuing.own(house.db, house.codes, claims, count, body.purpose)
    else:
        code = await issuing.of_member(house.db, house.codes, claims, count, holder, body.purpose)
    if qr is None:
        return Response(shapes.written(code), media_type="application/json")
    until = {_GOOD_UNTIL: shapes.good_until(code)}
    return Response(await asyncio.to_thread(shapes.drawn, code, qr), headers=until, media_type=qr.media_type)


async def issue_own(request: Request, house: House, _: bytes, purpose: str) -> Response:
    """Answer with a code for one's own card."""
    claims, count = deps.claims_of(request, house), house.traffic.count_in_channel
    code = await issuing.own(house.db, house.codes, claims, count, ShowingPurpose(purpose))
    return Response(shapes.written(code), media_type="application/json")


@router.post(
    "/terminals/code-redemptions",
    response_model=shapes.RedemptionRead,
    responses=documented(CodeNotValid, CodeExpired, CodeUsed, CodeWithdrawn, TerminalNotAllowed, RegisterUnavailable),
)
async def redeem_code(
    body: shapes.RedemptionAsk, terminal: SigningTerminal, house: TheHouse, language: Language
) -> Response:
    """Redeem a code that a terminal has read: whose card, which, shown by whom; the request is signed (RFC 9421)."""
    redeemed = await redeeming.redeem(house.db, house.ports.register, house.codes, terminal, body.code)
    return deps.written(shapes.redeemed(redeemed, language), language)


async def redeem(request: Request, house: House, body: bytes, code: str) -> Response:
    """Answer for a code that a terminal has read."""
    terminal = await desk.terminal_of(request, house, body)
    redeemed = await redeeming.redeem(house.db, house.ports.register, house.codes, terminal, code)
    language = deps.language_of(request)
    return deps.written(shapes.redeemed(redeemed, language), language)


_PURPOSES = {b"": ShowingPurpose.IDENTIFY.value, b"{}": ShowingPurpose.IDENTIFY.value} | {
    f'{{"purpose":{space}"{purpose}"}}'.encode(): purpose.value for purpose in ShowingPurpose for space in ("", " ")
}
_CODE = re.compile(rb'\{"code": ?"([A-Za-z0-9_.-]{1,2048})"\}')


def _code_in(body: bytes) -> str | None:
    found = _CODE.fullmatch(body)
    return None if found is None else found[1].decode()


DEEDS = {
    "/v1/holders/me/card/codes": Deed("/v1/holders/{holder}/card/codes", _PURPOSES.get, issue_own),
    "/v1/terminals/code-redemptions": Deed("/v1/terminals/code-redemptions", _code_in, redeem),
}
