"""What only development has: sent messages, the test people and pictures of them, the reviewers, the clock."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.errors import FieldError, Invalid, NotFound
from app.models.documents import DocumentKind
from app.models.operators import OperatorRole
from app.ports import Sandbox
from app.ports.insurance import Authority
from app.ports.register import PersonChange, PhysicalCardStatus, RegisterUnavailable, TestPerson
from app.problems import documented
from app.routers import deps
from app.routers.deps import House, TheHouse
from app.schemas.base import Asked, Moment, Page, Told
from app.schemas.cards import CardWord, word_of
from app.services.cards import following
from app.services.operators import demo
from app.services.people.ages import age_on, today

router = APIRouter(prefix="/dev", tags=["development only"])
_LAST_DAY = datetime(2200, 1, 1, tzinfo=UTC)  # far enough; beyond, dates of the product end somewhere
_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}, "description": "A JPEG"}}


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
    card_status: CardWord | None = Field(description="Status of the physical card (aaz502)")
    is_alive: bool
    age: int
    phone: str | None
    note: str


class PersonAsk(Asked):
    """What the register is to hold of a test person from now on; what is left out stays."""

    card_status: CardWord | None = None
    is_alive: bool | None = None
    new_card: Annotated[
        bool, Field(description="They have collected another physical card, with a number of its own")
    ] = False


class DemoOperatorRead(Told):
    """One of the demo's staff, with what they sign in with."""

    login: str
    role: OperatorRole
    office_id: str
    password: str
    totp: str | None = Field(description="A code that is good now; none where it was used, until the next half minute")
    totp_address: str = Field(description="What an authenticator app takes")


class ClockAsk(Asked):
    """Where to move the clock: to a moment, or by so many seconds; forward only."""

    now: datetime | None = None
    advance_seconds: Annotated[int, Field(ge=0, le=20 * 366 * 86400, strict=True)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.now is None) == (self.advance_seconds is None):
            raise PydanticCustomError("one_of", "now or advance_seconds", {"code": "missing"})
        if self.now is not None and self.now.tzinfo is None:
            raise PydanticCustomError("zone", "now needs a time zone", {"code": "pattern"})
        return self


class InsuranceAsk(Asked):
    """How an insurance authority of the demo is to behave from now on, in this process."""

    authority: Authority
    behaviour: Literal["answers", "down", "slow", "nonsense"]


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
    return Page(items=[_read(person, house) for person in await _sandbox(house).people()])


@router.get("/people/{label}", responses=documented(NotFound))
async def read_person(label: str, house: TheHouse) -> PersonRead:
    """One of the test people."""
    return _read(await _person(house, label), house)


@router.post("/people/{label}", responses=documented(NotFound, RegisterUnavailable))
async def change_person(label: str, body: PersonAsk, house: TheHouse) -> PersonRead:
    """Let the register hold something else of a test person, and say so, as a real one does by an event."""
    status = None if body.card_status is None else PhysicalCardStatus[body.card_status.upper()]
    change = PersonChange(card_status=status, is_alive=body.is_alive, new_card=body.new_card)
    if not await _sandbox(house).change_person(label, change):
        raise NotFound
    person = await _person(house, label)
    await following.hear(house.db, house.ports.register, person.number)
    return _read(person, house)


@router.get("/people/{label}/pictures/{kind}", response_class=Response, responses=_JPEG | documented(NotFound))
async def draw_picture(
    label: str,
    kind: DocumentKind | Literal["card_photo"],
    house: TheHouse,
    scenario: Annotated[
        str | None, Query(pattern="^[a-z_]{1,40}$", description="How the sandbox judges this face: `face_mismatch`, …")
    ] = None,
) -> Response:
    """A picture to upload for a test person: what a document step, a facial photo or a card order takes."""
    person = await _person(house, label)
    if scenario is not None and scenario not in _sandbox(house).scenarios:
        raise Invalid(errors=[FieldError("query:scenario", "choice")])
    comment = None if scenario is None else f"sandbox:{scenario}"
    drawn = await asyncio.to_thread(_sandbox(house).picture, person.label, str(kind), comment)
    return Response(drawn, media_type="image/jpeg")


@router.get("/staff")
async def read_staff(house: TheHouse) -> Page[DemoOperatorRead]:
    """The demo's staff, its reviewers first: those who still sign in with what the demo gave them."""
    staff = await house.db.run(lambda session: demo.standing(session, house.ports.keys))
    return Page(
        items=[
            DemoOperatorRead(
                login=each.login,
                role=each.role,
                office_id=each.office_id,
                password=each.password,
                totp=each.code,
                totp_address=each.totp_address,
            )
            for each in staff
        ]
    )


@router.post("/clock")
async def move_clock(body: ClockAsk, house: TheHouse) -> ClockRead:
    """Move the clock forward."""
    now = house.db.clock.now()
    span = timedelta(seconds=body.advance_seconds or 0) if body.now is None else body.now - now
    if span < timedelta() or _LAST_DAY - now < span:
        raise Invalid(errors=[FieldError("/now" if body.now else "/advance_seconds", "out_of_range")])
    await _sandbox(house).move_clock(span)
    return ClockRead(now=house.db.clock.now())


@router.post("/insurance", status_code=204, responses=documented(NotFound))
async def let_authority_behave(body: InsuranceAsk, house: TheHouse) -> None:
    """Let an insurance authority answer, be down, be slow, or say what nobody can believe."""
    if not _sandbox(house).behave(body.authority, body.behaviour):
        raise NotFound


def _sandbox(house: TheHouse) -> Sandbox:
    if house.sandbox is None:
        raise NotFound
    return house.sandbox


async def _person(house: House, label: str) -> TestPerson:
    for person in await _sandbox(house).people():
        if person.label == label:
            return person
    raise NotFound


def _read(person: TestPerson, house: House) -> PersonRead:
    return PersonRead(
        label=person.label,
        name=person.name,
        social_security_number=person.number,
        computer_number=person.computer_number,
        card_number=person.card_number,
        card_status=None if person.card_status is None else word_of(person.card_status),
        is_alive=person.is_alive,
        age=age_on(person.birth_date, today(house.db.clock.now())),
        phone=person.phone,
        note=person.note,
    )
