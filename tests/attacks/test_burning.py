"""Strangers burn nobody's tries."""

from collections.abc import Callable

from app.ports.register import TestPerson
from tests.attacks.test_taken_over import to_face
from tests.factories.callers import SOMEBODY
from tests.factories.phone import Phone


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
