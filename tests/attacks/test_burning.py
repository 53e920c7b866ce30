"""Neither strangers nor outages burn anybody's tries."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from app import main
from app.adapters.keys.file import FileKeys
from app.adapters.register.embedded import EmbeddedRegister
from app.core.settings import Settings
from app.ports.register import RegisteredPerson, RegisterUnavailable, TestPerson
from app.routers.deps import House
from tests import cluster
from tests.attacks.test_taken_over import to_face
from tests.factories.callers import SOMEBODY
from tests.factories.houses import build
from tests.factories.phone import Phone


class RegisterWithOutages(EmbeddedRegister):
    """The embedded register, silent when a test says so."""

    is_silent = False

    async def find(self, number: str) -> RegisteredPerson | None:
        if self.is_silent:
            raise RegisterUnavailable
        return await super().find(number)


@pytest.fixture
async def house(database: cluster.Database, settings: Settings, keys: FileKeys) -> AsyncIterator[House]:
    """A whole server whose register can fall silent."""
    built = build(settings, database.app_url, keys)
    register = RegisterWithOutages(built.db)
    async with main.opened(replace(built, ports=replace(built.ports, register=register))) as house:
        yield house


async def test_questions_that_a_silent_register_did_not_answer_are_not_counted(
    phone: Callable[[str], Phone], people: dict[str, TestPerson], house: House
) -> None:
    asking = phone(SOMEBODY)
    await asking.register()
    enrolment = await asking.open("own_card")
    await asking.acknowledge(enrolment, "own-card")
    person, register = people["owner"], house.ports.register
    body = {"name": person.name, "social_security_number": person.number}
    assert isinstance(register, RegisterWithOutages)

    register.is_silent = True
    silent = [await asking.call("PUT", f"{enrolment}/details", body) for _ in range(6)]
    register.is_silent = False
    answered = await asking.call("PUT", f"{enrolment}/details", body)

    assert {(answer.status_code, answer.json()["code"]) for answer in silent} == {(503, "register-unavailable")}
    assert answered.status_code == 200, answered.text


async def test_faces_that_fail_at_somebody_leave_them_their_own_tries_at_a_reset(
    owner: Phone, people: dict[str, TestPerson], phone: Callable[[str], Phone]
) -> None:
    stranger = phone(SOMEBODY)
    await stranger.register()
    enrolment = await to_face(stranger, people["owner"])
    for _ in range(3):
        await stranger.face_check(enrolment, "face_mismatch")

    begun = await owner.call(
        "POST", "/v1/card/password-resets", {"sms_code": await owner.sms_code("card_password_reset")}
    )

    assert begun.status_code == 201, begun.text
    assert begun.json()["face_check"]["tries_left"] == 3


async def test_failed_tries_of_ones_own_count_over_all_resets(owner: Phone) -> None:
    left = []
    for _ in range(3):
        begun = await owner.call(
            "POST",
            "/v1/card/password-resets",
            {
                "sms_code": await owner.sms_code("card_password_reset"),
                "device_meta": {"sandbox_scenario": "face_mismatch"},
            },
        )
        check = begun.json()["face_check"]
        ended = await owner.call("POST", f"/v1/face-checks/{check['id']}/completion")
        left.append(ended.json()["tries_left"])
        await owner.client.post("/dev/clock", json={"advance_seconds": 61})

    assert left == [2, 1, 0]
