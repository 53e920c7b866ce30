"""What the national gateway says of people that cannot be is no answer."""

from datetime import timedelta

import pytest
from national_gateway import ExampleGateway

from app.adapters.national.register import NationalRegister
from app.core.clock import MovableClock, today
from app.ports.register import RegisterUnavailable
from tests.adapters.national.conftest import WORKER

LIES: dict[str, dict[str, object]] = {
    "no name": {"aac003": ""},
    "a name without end": {"aac003": "王" * 51},
    "an unknown sex": {"aac004": "3"},
    "sex as a number": {"aac004": 1},
    "born on no day": {"aac006": "20260230"},
    "born with dashes": {"aac006": "1985-06-15"},
    "neither alive nor dead": {"aac060": "3"},
    "alive as a word": {"aac060": True},
    "a place that is none": {"aab301": "1001"},
    "a phone of another form": {"aae005": "+86 100"},
    "a card without a status": {"aaz502": None},
    "a status without a card": {"aaz500": None},
    "an unknown status": {"aaz502": "5"},
    "a card of another form": {"aaz500": "D1"},
    "its own parent": {"parents": [WORKER.number]},
    "its own guardian": {"guardians": [WORKER.number]},
    "parents without end": {"parents": ["100101195003120015"] * 9},
    "parents by name": {"parents": ["王芳"]},
    "a number of its own kind": {"aac002": 1},
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_cannot_be_is_not_believed(there: ExampleGateway, register: NationalRegister, lie: str) -> None:
    there.people.said[WORKER.number].update(LIES[lie])

    with pytest.raises(RegisterUnavailable):
        await register.find(WORKER.number)


async def test_nobody_is_born_tomorrow(there: ExampleGateway, register: NationalRegister, clock: MovableClock) -> None:
    tomorrow = today(clock.now()) + timedelta(days=2)
    there.people.said[WORKER.number]["aac006"] = tomorrow.strftime("%Y%m%d")

    with pytest.raises(RegisterUnavailable):
        await register.find(WORKER.number)


@pytest.mark.parametrize("portrait", [b"GIF89a", b"", b"\xff\xd8\xff" + bytes(2 * 1024 * 1024)], ids=len)
async def test_a_portrait_that_is_no_picture_or_too_big_is_not_believed(
    there: ExampleGateway, register: NationalRegister, portrait: bytes
) -> None:
    there.people.portraits[WORKER.number] = portrait

    with pytest.raises(RegisterUnavailable):
        await register.portrait(WORKER.number)


async def test_a_portrait_of_somebody_else_is_not_believed(there: ExampleGateway, register: NationalRegister) -> None:
    there.behave("other_person")

    with pytest.raises(RegisterUnavailable):
        await register.portrait(WORKER.number)


async def test_whoever_holds_another_card_is_not_believed_to_hold_this_one(
    there: ExampleGateway, register: NationalRegister
) -> None:
    there.behave("other_person")

    with pytest.raises(RegisterUnavailable):
        await register.find_by_card("D00000901")


async def test_what_is_said_besides_is_left_alone(there: ExampleGateway, register: NationalRegister) -> None:
    there.people.said[WORKER.number]["aac005"] = "01"

    assert await register.find(WORKER.number) == WORKER
