"""Every outcome that a provider can have: what it means for the check, the tries and the enrolment."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from app import texts
from app.core.db import Database
from app.ports.face import COUNTED, FaceReason
from app.routers.deps import House
from app.services import cases
from tests.factories.adding import Kin, Owner, app_of, later, ok, refused, set_policy, steps
from tests.factories.images import portrait_photo
from tests.factories.make import Make
from tests.factories.phone import JSON

ENDS = {
    FaceReason.USER_CANCELLED: "cancelled",
    FaceReason.TIMED_OUT: "expired",
    FaceReason.TOKEN_EXPIRED: "expired",
    FaceReason.NOT_FINISHED: "processing",
    FaceReason.PROVIDER_BUSY: "processing",
}
UNCOUNTED = sorted(set(FaceReason) - COUNTED - {FaceReason.OK, FaceReason.SOURCE_PHOTO_MISSING})


async def case_reasons(db: Database) -> list[str]:
    return [case.reason.value for case in await db.run(cases.waiting)]


class TestEveryReason:
    async def test_faults_of_devices_and_providers_count_against_nobody(
        self, database: Any, make: Make, house: House, kin: Kin, db: Database
    ) -> None:
        await set_policy(database, "faces", starts_a_day=1000)
        owner = await app_of(await make.owner(), house)
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        for reason in UNCOUNTED:
            check = await owner.face_check(enrolment, reason.value)
            read = await owner.read(enrolment)
            is_open = ENDS.get(reason) == "processing"
            assert check["state"] == ENDS.get(reason, "failed"), reason
            assert (check["reason"], check["tries_left"]) == (None if is_open else reason.value, 3), reason
            assert check["reason_text"] == (None if is_open else texts.face_reason(reason.value, "zh-CN"))
            assert (check["client"] != {}) == is_open, reason
            assert read["state"] == "face_pending", reason
            assert is_open or read["face"]["last_reason"] == reason.value

        assert await case_reasons(db) == []
        await owner.face_check(enrolment)
        assert (await owner.read(enrolment))["state"] == "active"

    @pytest.mark.parametrize("reason", sorted(COUNTED))
    async def test_these_count_against_the_person(self, owner: Owner, kin: Kin, db: Database, reason: str) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        checks = [await owner.face_check(enrolment, reason) for _ in range(3)]
        read = await owner.read(enrolment)

        assert [(check["state"], check["reason"], check["tries_left"]) for check in checks] == [
            ("failed", reason, left) for left in (2, 1, 0)
        ]
        again, last = texts.face_reason(reason, "zh-CN"), texts.page("face_tries_over", "zh-CN")
        assert [check["reason_text"] for check in checks] == [again, again, last]
        assert (read["state"], read["face"]["tries_left"], read["face"]["last_reason"]) == ("in_review", 0, reason)
        assert (steps(read), read["review"]["reason"]) == (["wait-for-review"], "face_failed")
        assert await case_reasons(db) == ["face_failed"]

    async def test_words_that_are_no_scenario_are_the_providers_fault(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        check = await owner.face_check(enrolment, "no_such_thing")

        assert (check["reason"], check["tries_left"]) == ("provider_misconfigured", 3)

    @pytest.mark.parametrize(
        ("comment", "state", "enrolment_state"),
        [
            ("ok", "passed", "active"),
            ("face_mismatch", "failed", "face_pending"),
            ("attack_suspected", "failed", "face_pending"),
            ("source_photo_missing", "failed", "in_review"),
            ("timed_out", "expired", "face_pending"),
            ("not_finished", "processing", "face_pending"),
        ],
    )
    async def test_a_photos_comment_does_the_same(
        self, owner: Owner, kin: Kin, comment: str, state: str, enrolment_state: str
    ) -> None:
        child = await kin(age=9, parents=[owner.person.number])
        photo = portrait_photo(4, comment=f"sandbox:{comment}")
        enrolment = await owner.to_face(child, "20", age=9, photo=photo)

        check = await owner.face_check(enrolment)

        assert (check["mode"], check["state"]) == ("photo", state)
        assert (await owner.read(enrolment))["state"] == enrolment_state

    @pytest.mark.parametrize("age", [9, 68])
    async def test_without_a_portrait_no_face_decides(self, owner: Owner, kin: Kin, db: Database, age: int) -> None:
        member = await kin(age=age, parents=[owner.person.number], portrait=None)
        enrolment = await owner.to_face(member, "20" if age == 9 else "51", age=age)

        check = await owner.face_check(enrolment)

        assert (check["reason"], check["tries_left"]) == ("source_photo_missing", 3)
        assert (await owner.read(enrolment))["state"] == "in_review"
        assert await case_reasons(db) == ["no_reference_portrait"]


class TestTries:
    async def test_a_new_enrolment_has_no_new_tries_but_another_owner_has(
        self, owner: Owner, kin: Kin, make: Make, house: House
    ) -> None:
        father = await kin(age=68)
        first = await owner.to_face(father, "51", age=68)
        for _ in range(3):
            await owner.face_check(first, "face_mismatch")
        await owner.call("DELETE", first)

        second = await owner.to_face(father, "51", age=68)
        problem = refused(await owner.call("POST", f"{second}/face-checks", {}), 409, "face-tries-used")
        read = await owner.read(second)
        other = await app_of(await make.owner(name="李雷"), house)
        theirs = await other.read(await other.to_face(father, "51", age=68))

        assert (problem["tries_left"], problem["next"]["href"]) == (0, f"{second}/review-requests")
        assert (read["face"]["tries_left"], steps(read)) == (0, ["review"])
        assert theirs["face"]["tries_left"] == 3
        ok(await owner.call("POST", problem["next"]["href"], {"reason": "face_failed"}))

    async def test_they_come_back_after_a_day(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        for _ in range(2):
            await owner.face_check(enrolment, "face_mismatch")
            await later(owner.house, hours=13)

        read = await owner.read(enrolment)
        await later(owner.house, hours=12)

        assert read["face"]["tries_left"] == 2
        assert (await owner.read(enrolment))["face"]["tries_left"] == 3

    async def test_after_ten_failures_of_one_member_people_look_whoever_asks(
        self, owner: Owner, kin: Kin, make: Make, house: House, db: Database
    ) -> None:
        father = await kin(age=68)
        others = [await app_of(await make.owner(name="李雷"), house) for _ in range(4)]
        for other in others[:3]:
            enrolment = await other.to_face(father, "51", age=68)
            for _ in range(3):
                await other.face_check(enrolment, "face_mismatch")
        tenth = await others[3].to_face(father, "51", age=68)
        await others[3].face_check(tenth, "face_mismatch")
        after_ten = await others[3].read(tenth)
        await others[3].face_check(tenth, "face_mismatch")
        after_eleven = await others[3].read(tenth)

        mine = await owner.to_face(father, "51", age=68)
        check = await owner.face_check(mine)
        read = await owner.read(mine)

        assert after_ten["state"] == "face_pending"
        assert (after_eleven["state"], after_eleven["review"]["reason"]) == ("in_review", "many_tries_at_member")
        assert (check["state"], read["state"]) == ("passed", "in_review")
        assert (read["review"]["reason"], read["face"]["tries_left"]) == ("many_tries_at_member", 3)

    async def test_only_so_many_are_started_a_day(self, database: Any, make: Make, house: House, kin: Kin) -> None:
        await set_policy(database, "faces", starts_a_day=2)
        owner = await app_of(await make.owner(), house)
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        for _ in range(2):
            await owner.face_check(enrolment, "capture_quality")

        refused(await owner.call("POST", f"{enrolment}/face-checks", {}), 429, "face-starts-used")

    async def test_a_provider_that_is_down_costs_nothing(
        self, database: Any, make: Make, house: House, kin: Kin
    ) -> None:
        await set_policy(database, "faces", starts_a_day=1)
        owner = await app_of(await make.owner(), house)
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        down: JSON = {"device_meta": {"sandbox_scenario": "provider_down"}}

        with capture_logs() as log:
            for _ in range(3):
                answer = await owner.call("POST", f"{enrolment}/face-checks", down)
                refused(answer, 503, "face-service-unavailable")
                assert answer.headers["retry-after"] == "30"
        read = await owner.read(enrolment)
        await owner.face_check(enrolment)

        assert (read["face"], steps(read)) == (
            {"mode": "live", "tries_left": 3, "last_reason": None},
            ["face-check", "hand-over", "review"],
        )
        assert (await owner.read(enrolment))["state"] == "active"
        told = [line["faults"] for line in log if line["event"] == "face_check_not_started"]
        assert told == [["FaceServiceUnavailable"]] * 3


class TestChecks:
    async def test_an_open_one_says_what_the_client_needs_and_an_ended_one_nothing(
        self, owner: Owner, kin: Kin
    ) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)

        started = ok(await owner.call("POST", f"{enrolment}/face-checks", {"device_meta": {"x": "y"}}))
        read = ok(await owner.call("GET", f"/v1/face-checks/{started['id']}"))
        done = ok(await owner.call("POST", f"/v1/face-checks/{started['id']}/completion"))

        assert started == read
        assert (started["state"], started["provider"], started["client"]["kind"]) == ("started", "sandbox", "sandbox")
        assert (done["state"], done["client"], done["reason"]) == ("passed", {}, "ok")

    async def test_completing_twice_is_completing_once(self, owner: Owner, kin: Kin, make: Make) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        address = f"/v1/face-checks/{check['id']}/completion"

        first, second = ok(await owner.call("POST", address)), ok(await owner.call("POST", address))

        assert first == second
        assert owner.holder is not None
        actions = [action for action, _, _ in await make.audited(owner.holder)]
        assert (actions.count("face.ended"), actions.count("link.started")) == (1, 1)

    async def test_a_new_one_gives_the_one_before_up(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        first = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        second = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))

        given_up = ok(await owner.call("POST", f"/v1/face-checks/{first['id']}/completion"))
        passed = ok(await owner.call("POST", f"/v1/face-checks/{second['id']}/completion"))

        assert (given_up["state"], given_up["reason"], passed["state"]) == ("cancelled", "user_cancelled", "passed")

    async def test_somebody_elses_are_not_there(self, owner: Owner, kin: Kin, make: Make, house: House) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        stranger = await app_of(await make.owner(name="李雷"), house)

        refused(await stranger.call("GET", f"/v1/face-checks/{check['id']}"), 404, "not-found")
        refused(await stranger.call("POST", f"/v1/face-checks/{check['id']}/completion"), 404, "not-found")
        refused(await owner.call("GET", "/v1/face-checks/no-id"), 404, "not-found")

        assert ok(await owner.call("GET", f"/v1/face-checks/{check['id']}"))["state"] == "started"

    async def test_a_cancelled_enrolments_check_decides_nothing(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        check = ok(await owner.call("POST", f"{enrolment}/face-checks", {}))
        await owner.call("DELETE", enrolment)

        done = ok(await owner.call("POST", f"/v1/face-checks/{check['id']}/completion"))

        assert (done["state"], (await owner.read(enrolment))["state"]) == ("cancelled", "cancelled")

    async def test_too_much_about_a_device_is_refused(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=68), "51", age=68)
        too_many = {f"key-{number}": "" for number in range(33)}

        for meta in (too_many, {"x": "y" * 8193}, {"x" * 65: ""}, {"x": 1}):
            answer = await owner.call("POST", f"{enrolment}/face-checks", {"device_meta": meta})
            refused(answer, 422, "invalid-request")
