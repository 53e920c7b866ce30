"""A forgotten card password: a code by SMS, the holder's live face, and only then a new one."""

import dataclasses
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.adapters.face.sandbox import SandboxFaceProvider
from app.core.db import Session, new_id
from app.models.cards import CardPasswordReset
from app.models.cases import Finding, Verdict
from app.models.faces import FaceCheck
from app.ports import Ports
from app.ports.face import FaceRequest, FaceStart
from app.ports.register import TestPerson
from app.services.accounts import sessions
from app.services.accounts.codes import SmsCodeWrong
from app.services.cards import resets
from app.services.cards.resets import ResetView
from app.services.cases import Decision
from tests.factories.callers import on_new_device, pass_time, refresh, sign_in, sign_in_by_code
from tests.factories.deciding import people_decide, the_case
from tests.factories.phone import CARD_PASSWORD, JSON, PASSWORD, Phone
from tests.factories.rows import count

NEW_PASSWORD = "274916"
RESETS = "/v1/card/password-resets"


async def begin(
    phone: Phone, code: str | None = None, *, scenario: str | None = None, **headers: str
) -> httpx.Response:
    body: dict[str, Any] = {"sms_code": code or await phone.sms_code("card_password_reset")}
    if scenario is not None:
        body["device_meta"] = {"sandbox_scenario": scenario}
    return await phone.call("POST", RESETS, body, **headers)


async def show_face(phone: Phone, reset: JSON) -> JSON:
    answer = await phone.call("POST", f"/v1/face-checks/{reset['face_check']['id']}/completion")
    assert answer.status_code == 200, answer.text
    check: JSON = answer.json()
    return check


async def begin_and_show_face(phone: Phone, scenario: str | None = None) -> str:
    """Go as far as the face, however it ends; return the reset's address."""
    begun = await begin(phone, scenario=scenario)
    assert begun.status_code == 201, begun.text
    await show_face(phone, begun.json())
    return f"{RESETS}/{begun.json()['id']}"


async def state(phone: Phone, reset: str) -> str:
    found: str = (await phone.call("GET", reset)).json()["state"]
    return found


async def finish(phone: Phone, reset: str, new: str = NEW_PASSWORD) -> httpx.Response:
    return await phone.call("PUT", reset, {"new": new})


async def be_fresh(phone: Phone) -> None:
    phone.tokens = (await refresh(phone.client, phone.tokens["refresh_token"])).json()


async def to_review(phone: Phone) -> str:
    """Fail with the face three times; return the address of the reset that people look at."""
    reset = ""
    for _ in range(3):
        reset = await begin_and_show_face(phone, "face_mismatch")
        await pass_time(phone.house, seconds=60)
    return reset


async def decide(phone: Phone, decision: Decision) -> None:
    """Let people decide the open case as `escard cases` does."""
    case = await the_case(phone.house)
    for login in ("first", "second")[: case.reviewers_needed]:
        await people_decide(phone.house, decision, login=login, case=case)


class TestGoodWay:
    async def test_code_and_face_allow_a_new_password(self, owner: Phone) -> None:
        begun = await begin(owner)
        body = begun.json()
        before = await finish(owner, f"{RESETS}/{body['id']}")
        check = await show_face(owner, body)
        read = (await owner.call("GET", f"{RESETS}/{body['id']}")).json()
        done = await finish(owner, f"{RESETS}/{body['id']}")

        assert begun.status_code == 201
        assert body["state"] == "face_pending"
        assert (body["face_check"]["state"], body["face_check"]["mode"]) == ("started", "live")
        assert (before.status_code, before.json()["code"]) == (409, "reset-not-ready")
        assert (check["state"], read["state"], done.status_code) == ("passed", "ready", 204)
        assert read["face_check"]["id"] == body["face_check"]["id"]
        assert (await owner.step_up(CARD_PASSWORD)).status_code == 403
        assert (await owner.step_up(NEW_PASSWORD)).status_code == 200

    async def test_it_ends_what_was_stepped_up_before(self, owner: Phone) -> None:
        await owner.step_up()
        reset = await begin_and_show_face(owner)

        await finish(owner, reset)

        refused = await owner.call("GET", "/v1/me?reveal=true")
        assert (refused.status_code, refused.json()["code"]) == (401, "card-password-required")

    async def test_it_opens_every_lock(self, owner: Phone) -> None:
        for guess in ("903517", "385206", "720463", "648205", "517930"):
            await owner.step_up(guess)
        assert (await owner.step_up()).status_code == 423

        await finish(owner, await begin_and_show_face(owner))

        assert (await owner.step_up(NEW_PASSWORD)).status_code == 200
        wrong = await owner.step_up("903517")
        assert wrong.json()["tries_left"] == 4

    async def test_the_old_password_may_be_set_again(self, owner: Phone) -> None:
        done = await finish(owner, await begin_and_show_face(owner), CARD_PASSWORD)

        assert done.status_code == 204
        assert (await owner.step_up()).status_code == 200

    async def test_sent_again_it_changes_nothing_and_says_the_same(self, owner: Phone) -> None:
        reset = await begin_and_show_face(owner)

        answers = [await finish(owner, reset) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [204] * 3
        events = await owner.house.db.fetch("SELECT count(*) FROM audit_event WHERE action = 'card.password_set'")
        assert events[0][0] == 2

    async def test_done_it_is_no_way_to_guess_and_none_to_set_another(self, owner: Phone) -> None:
        reset = await begin_and_show_face(owner)
        await finish(owner, reset)

        other = await finish(owner, reset, "385207")

        assert (other.status_code, other.json()["code"], other.json()["tries_left"]) == (403, "card-password-wrong", 4)
        assert (await owner.step_up(NEW_PASSWORD)).status_code == 200

    async def test_the_answer_is_the_same_under_the_same_key(self, owner: Phone) -> None:
        code = await owner.sms_code("card_password_reset")

        first = await begin(owner, code, Idempotency_Key="reset-1234")
        again = await begin(owner, code, Idempotency_Key="reset-1234")

        assert (first.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.json()["id"] == first.json()["id"]
        assert await count(owner.house.db, CardPasswordReset) == 1


class TestCode:
    async def test_a_wrong_code_begins_nothing_and_says_the_tries_left(self, owner: Phone) -> None:
        code = await owner.sms_code("card_password_reset")

        refused = await begin(owner, f"{(int(code) + 1) % 1_000_000:06}")

        assert (refused.status_code, refused.json()["code"], refused.json()["tries_left"]) == (403, "sms-code-wrong", 4)
        assert await count(owner.house.db, CardPasswordReset) == 0

    async def test_a_code_for_signing_in_begins_nothing(self, owner: Phone) -> None:
        refused = await begin(owner, await owner.sms_code("sign_in"))

        assert refused.json()["code"] == "sms-code-wrong"

    async def test_a_code_begins_one_reset(self, owner: Phone) -> None:
        code = await owner.sms_code("card_password_reset")
        await begin(owner, code)

        again = await begin(owner, code)

        assert again.json()["code"] == "sms-code-wrong"

    async def test_it_is_the_accounts_phone_that_counts(self, owner: Phone) -> None:
        elsewhere = Phone(owner.client, owner.house, "10000009002")

        refused = await begin(owner, await elsewhere.sms_code("card_password_reset"))

        assert refused.json()["code"] == "sms-code-wrong"

    async def test_without_a_card_there_is_nothing_to_reset(self, owner: Phone) -> None:
        newcomer = Phone(owner.client, owner.house, "10000009002")
        await newcomer.register()

        refused = await begin(newcomer)

        assert (refused.status_code, refused.json()["code"]) == (409, "card-password-not-set")

    async def test_who_has_shown_a_code_alone_cannot_reset(self, owner: Phone) -> None:
        other = on_new_device(owner)
        await sign_in_by_code(other)

        refused = await begin(other, "123456")

        assert (refused.status_code, refused.json()["code"]) == (401, "more-proof-needed")


class TestFace:
    @pytest.mark.parametrize("scenario", ["face_mismatch", "liveness_failed", "user_cancelled", "network", "timed_out"])
    async def test_without_a_passed_face_nothing_is_set(self, owner: Phone, scenario: str) -> None:
        reset = await begin_and_show_face(owner, scenario)

        refused = await finish(owner, reset)

        assert (refused.status_code, refused.json()["code"]) == (409, "reset-not-ready")
        assert refused.json()["next"]["href"] == RESETS
        assert (await owner.step_up()).status_code == 200

    async def test_the_provider_down_costs_neither_code_nor_try(self, owner: Phone) -> None:
        code = await owner.sms_code("card_password_reset")

        down = [await begin(owner, code, scenario="provider_down") for _ in range(6)]
        up = await begin(owner, code)

        assert {(each.status_code, each.json()["code"]) for each in down} == {(503, "face-service-unavailable")}
        assert {each.headers["retry-after"] for each in down} == {"30"}
        assert up.status_code == 201
        assert up.json()["face_check"]["tries_left"] == 3

    async def test_three_failures_go_to_people_and_no_fourth_is_begun(self, owner: Phone) -> None:
        reset = await to_review(owner)

        fourth = await begin(owner)

        assert await state(owner, reset) == "in_review"
        assert (fourth.status_code, fourth.json()["code"]) == (409, "face-tries-used")
        assert (await finish(owner, reset)).json()["code"] == "reset-not-ready"

    async def test_nothing_to_compare_with_goes_to_people_at_once(self, owner: Phone) -> None:
        reset = await begin_and_show_face(owner, "source_photo_missing")

        assert await state(owner, reset) == "in_review"

    async def test_a_new_start_gives_up_the_check_before_only_of_its_own_reset(self, owner: Phone) -> None:
        first = (await begin(owner)).json()
        await pass_time(owner.house, seconds=60)
        second = (await begin(owner)).json()

        await show_face(owner, second)

        assert await state(owner, f"{RESETS}/{first['id']}") == "face_pending"
        assert await state(owner, f"{RESETS}/{second['id']}") == "ready"

    @pytest.mark.parametrize(
        ("meta", "code"),
        [
            ([], "wrong_type"),
            ({"secret-6217": 1}, "wrong_type"),
            ({"secret-6217": {"secret-6217": "x"}}, "wrong_type"),
            ({"secret-6217" * 6: "x"}, "too_long"),
            ({"x": "secret-6217" * 800}, "too_long"),
            ({f"secret-6217-{n}": "x" for n in range(33)}, "too_long"),
            ({"secret-6217\ud800": "x"}, "bad_characters"),
        ],
    )
    async def test_what_a_client_part_cannot_give_is_refused_whole(self, owner: Phone, meta: object, code: str) -> None:
        body = json.dumps({"sms_code": "123456", "device_meta": meta}).encode()

        refused = await owner.call("POST", RESETS, body, Content_Type="application/json")

        errors = [(each["pointer"], each["code"]) for each in refused.json()["errors"]]
        assert (refused.status_code, errors) == (422, [("/device_meta", code)])
        assert "secret-6217" not in refused.text


class TestReview:
    @pytest.mark.parametrize("scenario", [None, "source_photo_missing"])
    async def test_approved_it_is_ready_and_its_holder_is_told(self, owner: Phone, scenario: str | None) -> None:
        reset = await begin_and_show_face(owner, scenario) if scenario else await to_review(owner)
        await pass_time(owner.house, days=3)

        await decide(owner, Decision(Verdict.APPROVE, Finding.IDENTITY_SHOWN))

        await be_fresh(owner)
        assert await state(owner, reset) == "ready"
        told = await owner.house.db.fetch(
            "SELECT count(*) FROM outbox_event WHERE facts ->> 'message' = 'card_password_reset_ready'"
        )
        assert told[0][0] == 1
        assert (await finish(owner, reset)).status_code == 204
        assert (await owner.step_up(NEW_PASSWORD)).status_code == 200

    async def test_rejected_it_stays_shut_and_the_old_password_stays(self, owner: Phone) -> None:
        reset = await to_review(owner)

        await decide(owner, Decision(Verdict.REJECT, Finding.IDENTITY_NOT_SHOWN))

        assert await state(owner, reset) == "rejected"
        assert (await finish(owner, reset)).json()["code"] == "reset-not-ready"
        assert (await owner.step_up()).status_code == 200

    async def test_approved_it_waits_an_hour(self, owner: Phone) -> None:
        reset = await to_review(owner)
        await decide(owner, Decision(Verdict.APPROVE, Finding.IDENTITY_SHOWN))
        await pass_time(owner.house, minutes=60)
        await be_fresh(owner)

        assert (await finish(owner, reset)).json()["code"] == "reset-not-ready"


async def test_a_reset_lives_an_hour(owner: Phone) -> None:
    reset = await begin_and_show_face(owner)
    await pass_time(owner.house, minutes=60)
    await be_fresh(owner)

    refused = await finish(owner, reset)

    assert (refused.status_code, refused.json()["code"]) == (409, "reset-not-ready")
    assert (await owner.step_up()).status_code == 200


@pytest.mark.parametrize(("new", "code"), [("123456", "sequential"), ("444444", "repeated")])
async def test_a_new_password_that_is_easily_guessed_leaves_the_reset_open(owner: Phone, new: str, code: str) -> None:
    reset = await begin_and_show_face(owner)

    refused = await finish(owner, reset, new)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)
    assert refused.json()["errors"][0]["pointer"] == "/new"
    assert (await finish(owner, reset)).status_code == 204


async def test_somebody_elses_reset_is_not_there(owner: Phone, people: dict[str, TestPerson]) -> None:
    reset = await begin_and_show_face(owner)
    stranger = Phone(owner.client, owner.house, str(people["spouse"].phone))
    await stranger.register()
    await stranger.own_card(people["spouse"])

    answers = [await stranger.call("GET", reset), await finish(stranger, reset)]
    answers += [await stranger.call("GET", f"{RESETS}/{each}") for each in ("none", new_id(3))]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(404, "not-found")}
    assert await state(owner, reset) == "ready"


async def test_another_device_of_the_holder_may_finish_it(owner: Phone) -> None:
    reset = await begin_and_show_face(owner)
    other = on_new_device(owner)
    await sign_in(other, password=PASSWORD)

    assert (await finish(other, reset)).status_code == 204


class ServerDied(Exception):
    """Nothing after this was done."""


class CutOff(SandboxFaceProvider):
    """A provider in whose call the server dies."""

    async def start(self, request: FaceRequest) -> FaceStart:
        raise ServerDied


async def test_cut_off_while_the_provider_was_asked_the_same_unit_goes_on_with_its_code(owner: Phone) -> None:
    house, code = owner.house, await owner.sms_code("card_password_reset")
    caller = await sessions.caller(house.db, house.mint.access.verify(owner.tokens["access_token"]))
    unit_id, begun = new_id(0), list[ResetView]()

    async def remember(_: Session, view: ResetView) -> None:
        begun.append(view)

    async def work(ports: Ports, unit: UUID) -> None:
        await resets.begin(
            house.db,
            ports,
            caller,
            sms_code=code,
            unit_id=unit,
            device_meta={},
            callback_url="http://escard.test",
            remember=remember,
        )

    cut_off = dataclasses.replace(house.ports, faces={"sandbox": CutOff(house.ports.clock, owner.client)})
    with pytest.raises(ServerDied):
        await work(cut_off, unit_id)
    with pytest.raises(SmsCodeWrong):
        await work(house.ports, new_id(0))
    await work(house.ports, unit_id)

    assert [view.state.value for view in begun] == ["face_pending"]
    checks = await house.db.run(lambda session: session.scalars(select(FaceCheck.subject_id)))
    assert begun[0].id in set(checks)
    assert await count(house.db, CardPasswordReset) == 1
