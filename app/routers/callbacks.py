"""What the register says of its own accord."""

import contextlib

from fastapi import APIRouter, Request

from app.core.errors import NotFound
from app.ports.register import EventRefused
from app.routers.deps import House, TheHouse
from app.services.cards import following
from app.services.people.identifiers import NumberNotValid, parse_number

router = APIRouter(tags=["callbacks"])


@router.post("/v1/callbacks/register", status_code=204, include_in_schema=False)
async def hear_register(request: Request, house: TheHouse) -> None:
    """Hear the register: a hint to ask it about somebody now; heard twice, or late, it is harmless."""
    number = _number_in(house, dict(request.headers), await request.body())
    if number is not None:
        with contextlib.suppress(NumberNotValid):  # of nobody whom we could know
            known = parse_number(number, population=house.population)
            await following.hear(house.db, house.ports.register, known.value)


def _number_in(house: House, headers: dict[str, str], body: bytes) -> str | None:
    if house.ports.register_events is None:
        raise NotFound
    try:
        return house.ports.register_events.number_in(headers, body)
    except EventRefused:
        raise NotFound from None
