"""What only development has: sent messages, the test people, the clock."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.errors import FieldError, Invalid, NotFound
from app.ports import Sandbox
from app.routers import deps
from app.routers.deps import TheHouse
from app.schemas.base import Asked, Moment, Page, Told
from app.services.people.ages import age_on, today

router = APIRouter(prefix="/dev", tags=["development only"])


class MessageRead(Told):
    """A message as the phone shows it."""

    to: str
    kind: str
    text: str
    code: str | None
    sent_at: Moment


class PersonRead(Told):
    """A test person."""

    label: str
    name: str
    social_security_number: str
    computer_number: str
    card_number: str | None
    age: int
    phone: str | None
    note: str


class ClockAsk(Asked):
    """Where to move the clock: to a moment, or by so many seconds; forward only."""

    now: datetime | None = None
    advance_seconds: Annotated[int, Field(ge=0, le=20 * 366 * 86400)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.now is None) == (self.advance_seconds is None):
            raise PydanticCustomError("one_of", "now or advance_seconds", {"code": "missing"})
        if self.now is not None and self.now.tzinfo is None:
            raise PydanticCustomError("zone", "now needs a time zone", {"code": "pattern"})
        return self


class ClockRead(Told):
    """What time it is here."""

    now: Moment


@router.get("/messages")
async def read_messages(
    house: TheHouse, phone: Annotated[str | None, Query(max_length=32, description="Whose messages")] = None
) -> Page[MessageRead]:
    """What was sent to a phone, newest first."""
    to = deps.phone(house, phone) if phone else None
    items = await _sandbox(house).inbox.received(to)
    return Page(
        items=[
            MessageRead(to=item.to, kind=item.kind.value, text=item.text, code=item.code, sent_at=item.sent_at)
            for item in items
        ]
    )


@router.get("/people")
async def read_people(house: TheHouse) -> Page[PersonRead]:
    """The test people."""
    day = today(house.db.clock.now())
    return Page(
        items=[
            PersonRead(
                label=person.label,
                name=person.name,
                social_security_number=person.number,
                computer_number=person.computer_number,
                card_number=person.card_number,
                age=age_on(person.birth_date, day),
                phone=person.phone,
                note=person.note,
            )
            for person in await _sandbox(house).people()
        ]
    )


@router.post("/clock")
async def move_clock(body: ClockAsk, house: TheHouse) -> ClockRead:
    """Move the clock forward."""
    span = timedelta(seconds=body.advance_seconds or 0)
    if body.now is not None:
        span = body.now - house.db.clock.now()
        if span < timedelta():
            raise Invalid(errors=[FieldError("/now", "out_of_range")])
    await _sandbox(house).move_clock(span)
    return ClockRead(now=house.db.clock.now())


def _sandbox(house: TheHouse) -> Sandbox:
    if house.sandbox is None:
        raise NotFound
    return house.sandbox
