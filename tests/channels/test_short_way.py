"""A citizen centre's short way: name, number, relationship, the member's face; what was proved is not asked again."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.routers.deps import House
from app.services.audit import Action
from tests.cards.test_channels import elsewhere
from tests.factories.adding import Kin, Owner, app_of, later, refused, steps
from tests.factories.adding import kin as kin
from tests.factories.adding import owner as owner
from tests.factories.make import JSON, Holder, Make

OPEN = "/v1/enrolments"


def about(person: Any, relationship: str = "51", **other: str) -> JSON:
    return {"name": person.name, "social_security_number": person.number, "relationship": relationship} | other


Centre = Callable[[int], Awaitable[Owner]]


@pytest.fixture
def centre(made_owner: Holder, make: Make, house: House) -> Centre:
    """Lets the owner come in by a mini program of some level, just now."""

    async def enter(level: int) -> Owner:
        await make.channel(f"centre-{level}", identity="demo", level=level)
        return await app_of(await elsewhere(house, made_owner, f"centre-{level}"), house)

    return enter


class TestAtOnce:
    async def test_in_any_channel_the_first_steps_go_in_one_request(self, owner: Owner, kin: Kin) -> None:
        await owner.step_up()
        shown = await owner.shown("family-account")
        body = {"kind": "family_member", "notice_acknowledgement": shown, "details": about(await kin(age=70))}

        opened = await owner.call("POST", OPEN, body)

        assert opened.status_code == 201, opened.text
        assert opened.json()["state"] == "documents_pending"
        assert opened.json()["member"]["age"] == 70

    async def test_it_is_done_once_however_often_it_comes(self, owner: Owner, kin: Kin) -> None:
        await owner.step_up()
        shown = await owner.shown("family-account")
        body = {"kind": "family_member", "notice_acknowledgement": shown, "details": about(await kin(age=70))}
        key = {"Idempotency-Key": secrets.token_hex(8)}

        answers = [await owner.call("POST", OPEN, body, **key) for _ in range(2)]

        assert [answer.json()["id"] for answer in answers] == [answers[0].json()["id"]] * 2
        assert len((await owner.call("GET", OPEN)).json()["items"]) == 1

    async def test_what_is_refused_leaves_nothing_open(self, owner: Owner, kin: Kin) -> None:
        await owner.step_up()
        shown, father = await owner.shown("family-account"), await kin(age=70)
        wrong = {"kind": "family_member", "notice_acknowledgement": shown, "details": about(father, name="王五")}
        old = wrong | {"notice_acknowledgement": shown | {"sha256": "0" * 64}}

        refused(await owner.call("POST", OPEN, wrong), 409, "person-not-verified")
        refused(await owner.call("POST", OPEN, old), 409, "notice-outdated")

        assert (await owner.call("GET", OPEN)).json()["items"] == []

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"notice_acknowledgement": None}, "/notice_acknowledgement"),
            ({"details": {"name": "王五", "social_security_number": "1", "relationship": "51"}}, "/details/"),
            ({"details": {"name": "王五", "social_security_number": "110105491231002"}}, "/details/relationship"),
            ({"kind": "own_card"}, "/details"),
        ],
    )
    async def test_what_is_missing_or_wrong_is_named(self, owner: Owner, kin: Kin, change: JSON, pointer: str) -> None:
        await owner.step_up()
        shown = await owner.shown("family-account")
        body = {"kind": "family_member", "notice_acknowledgement": shown, "details": about(await kin(age=70))}

        said = refused(await owner.call("POST", OPEN, body | change), 422, "invalid-request")

        assert said["errors"][0]["pointer"].startswith(pointer)


class TestProofs:
    async def test_where_all_is_proved_only_the_face_is_left(self, owner: Owner, kin: Kin, centre: Centre) -> None:
        there, father = await centre(3), await kin(age=70)

        opened = await there.call("POST", OPEN, {"kind": "family_member", "details": about(father)})

        assert opened.status_code == 201, opened.text
        enrolment = opened.json()
        assert (enrolment["state"], enrolment["requirements"]) == ("face_pending", [])
        address = f"{OPEN}/{enrolment['id']}"
        await there.consent(address, "face-check", services=["view", "show_code"])
        check = await there.face_check(address)
        assert check["state"] == "passed"
        assert (await there.call("GET", address)).json()["state"] == "active"
        notices = [row for row in (await there.call("GET", "/v1/consents")).json()["items"]]
        assert {(row["code"], row["channel"]) for row in notices} >= {("family-account", "centre-3")}

    async def test_a_face_that_does_not_match_is_no_members_there_either(
        self, owner: Owner, kin: Kin, centre: Centre
    ) -> None:
        there = await centre(3)
        opened = (await there.call("POST", OPEN, {"kind": "family_member", "details": about(await kin(age=70))})).json()
        address = f"{OPEN}/{opened['id']}"
        await there.consent(address, "face-check", services=["view"])

        check = await there.face_check(address, "face_mismatch")

        assert check["state"] == "failed"
        assert (await there.call("GET", address)).json()["state"] == "face_pending"

    async def test_a_childs_photo_and_the_consents_to_it_are_asked_for_all_the_same(
        self, owner: Owner, kin: Kin, centre: Centre
    ) -> None:
        there = await centre(3)
        child = await kin(age=9, parents=[owner.person.number])

        opened = (await there.call("POST", OPEN, {"kind": "family_member", "details": about(child, "20")})).json()

        assert opened["state"] == "documents_pending"
        asked = {tuple(need["any_of"]) for need in opened["requirements"]}
        assert asked == {("facial_photo",), ("face-check",), ("minor-data",)}

    async def test_whose_document_it_has_seen_holds_for_nobody_named_elsewhere(
        self, owner: Owner, kin: Kin, centre: Centre
    ) -> None:
        there, father = await centre(3), await kin(age=70)
        opened = (await there.call("POST", OPEN, {"kind": "family_member"})).json()

        named = await owner.details(f"{OPEN}/{opened['id']}", father, "51")

        assert named["state"] == "documents_pending"
        assert {need["kind"] for need in named["requirements"]} == {"identity_document", "consent"}

    async def test_one_that_only_shows_the_notice_leaves_the_rest_as_it_is(
        self, kin: Kin, centre: Centre, make: Make, house: House
    ) -> None:
        there = await centre(2)
        assert there.holder is not None
        stepped_up = await app_of(await make.card_password(there.holder), house)
        body = {"kind": "family_member", "details": about(await kin(age=70))}
        refused(await there.call("POST", OPEN, body), 401, "card-password-required")

        opened = (await stepped_up.call("POST", OPEN, body)).json()

        assert opened["state"] == "documents_pending"
        assert "documents" in steps(opened)

    async def test_a_sign_in_just_now_is_as_good_as_the_card_password_and_one_of_a_while_ago_is_not(
        self, kin: Kin, centre: Centre, make: Make, house: House
    ) -> None:
        there = await centre(3)
        assert there.holder is not None
        await make.card_password(there.holder)
        body = {"kind": "family_member", "details": about(await kin(age=70))}
        other = {"kind": "family_member", "details": about(await kin(age=69))}

        now = await there.call("POST", OPEN, body)
        await later(house, minutes=6)
        then = await there.call("POST", OPEN, other)

        assert now.status_code == 201, now.text
        refused(then, 401, "card-password-required")

    async def test_what_counted_is_written_down(self, owner: Owner, kin: Kin, centre: Centre, house: House) -> None:
        there = await centre(3)

        await there.call("POST", OPEN, {"kind": "family_member", "details": about(await kin(age=70))})

        rows = await house.db.fetch(
            "SELECT facts->>'proved_by_channel' AS proofs FROM audit_event WHERE action = $1",
            Action.ENROLMENT_OPENED.value,
        )
        assert [row["proofs"] for row in rows if row["proofs"]] == ["owner notice identity_document"]


async def test_the_same_relative_asked_for_twice_at_once_is_added_once(owner: Owner, kin: Kin, centre: Centre) -> None:
    there, father = await centre(3), await kin(age=70)
    body = {"kind": "family_member", "details": about(father)}

    answers: list[httpx.Response] = await asyncio.gather(*(there.call("POST", OPEN, body) for _ in range(3)))

    won = [answer for answer in answers if answer.status_code == 201]
    assert len(won) == 1
    assert {answer.json()["code"] for answer in answers if answer not in won} <= {
        "already-adding",
        "lookup-in-progress",
    }
    assert len((await there.call("GET", OPEN)).json()["items"]) == 1
