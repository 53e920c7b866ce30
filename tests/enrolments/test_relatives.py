"""Whom an owner may add: relationships, guardians, places, and what the member lets the owner do."""

from typing import Any

import pytest

from app.core.db import Database
from app.services import cases
from tests.factories.adding import Kin, Owner, app_of, ok, refused, set_policy
from tests.factories.deciding import NO, people_decide
from tests.factories.make import Make
from tests.factories.phone import JSON


async def rights(owner: Owner, link_id: str) -> set[str]:
    member = ok(await owner.call("GET", f"/v1/family/members/{link_id}"))
    return set(member["services"])


class TestGuardians:
    async def test_a_parent_by_the_register_needs_nobody(self, owner: Owner, kin: Kin) -> None:
        done = await owner.add(await kin(age=9, parents=[owner.person.number]), "20", age=9)

        assert done["state"] == "active"
        assert await rights(owner, done["link_id"]) == {"view", "show_code", "certify", "file"}

    async def test_a_guardian_by_the_register_needs_nobody_either(self, owner: Owner, kin: Kin) -> None:
        done = await owner.add(await kin(age=11, guardians=[owner.person.number]), "97", age=11)

        assert done["state"] == "active"
        assert await rights(owner, done["link_id"]) == {"view", "show_code", "certify", "file"}

    async def test_a_parent_by_papers_waits_for_people(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=9), "20", age=9)

        check = await owner.face_check(enrolment)
        waiting = await owner.read(enrolment)
        await people_decide(owner.house)
        done = await owner.read(enrolment)

        assert (check["state"], waiting["state"], waiting["review"]["reason"]) == (
            "passed",
            "in_review",
            "guardianship",
        )
        assert done["state"] == "active"
        assert await rights(owner, done["link_id"]) == {"view", "show_code", "certify", "file"}

    async def test_other_relatives_of_a_child_only_show_the_code(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=13), "93", age=13)
        await owner.face_check(enrolment)
        waiting = await owner.read(enrolment)

        await people_decide(owner.house)
        done = await owner.read(enrolment)

        assert waiting["review"]["reason"] == "other_relative_of_child"
        assert await rights(owner, done["link_id"]) == {"show_code"}

    async def test_a_no_ends_it_with_the_reason(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_face(await kin(age=9), "20", age=9)
        await owner.face_check(enrolment)

        await people_decide(owner.house, NO)
        done = await owner.read(enrolment)

        assert (done["state"], done["rejection"], done["link_id"]) == ("rejected", "papers-do-not-fit", None)
        assert ok(await owner.call("GET", "/v1/family"))["quota"]["total"]["used"] == 0

    async def test_from_fourteen_no_guardian_is_asked_for(self, owner: Owner, kin: Kin) -> None:
        assert (await owner.add(await kin(age=14), "93", age=14))["state"] == "active"


class TestServices:
    @pytest.mark.parametrize(
        ("chosen", "allowed"),
        [
            (None, {"view", "show_code", "certify", "file"}),
            (["view"], {"view"}),
            (["pay", "view", "show_code"], {"pay", "view", "show_code"}),
            ([], set()),
        ],
    )
    async def test_what_the_member_agrees_to_is_what_the_link_allows(
        self, owner: Owner, kin: Kin, chosen: list[str] | None, allowed: set[str]
    ) -> None:
        enrolment = await owner.to_face(await kin(age=16), "20", age=16)
        if chosen is not None:
            await owner.consent(enrolment, "face-check", services=chosen)

        await owner.face_check(enrolment)

        assert await rights(owner, (await owner.read(enrolment))["link_id"]) == allowed

    async def test_under_sixteen_nobody_chooses(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await kin(age=15), "20")

        for purpose, services in (("face-check", ["view"]), ("identity-document", ["view"]), ("face-check", [])):
            body = await owner.shown(purpose) | {"services": services}
            refused(await owner.call("PUT", f"{enrolment}/consents/{purpose}", body), 409, "services-not-allowed")

    async def test_what_is_no_service_is_refused(self, owner: Owner, kin: Kin) -> None:
        enrolment = await owner.to_documents(await kin(age=68), "51")
        body = await owner.shown("face-check") | {"services": ["view", "sell"]}

        refused(await owner.call("PUT", f"{enrolment}/consents/face-check", body), 422, "invalid-request")


class TestWhoIsRefused:
    @pytest.mark.parametrize(
        ("facts", "relationship", "why"),
        [
            ({"age": 68, "sex": "2", "name": "李静"}, "51", "member_sex"),
            ({"age": 9}, "30", "member_sex"),
            ({"age": 40, "sex": "1"}, "10", "spouses_sex"),
            ({"age": 19, "sex": "2"}, "12", "marriage_age"),
            ({"age": 45}, "51", "age_gap"),
            ({"age": 30}, "20", "age_gap"),
            ({"age": 20}, "71", "birth_order"),
            ({"age": 60}, "61", "age_gap"),
        ],
    )
    async def test_relationships_that_cannot_be(
        self, owner: Owner, kin: Kin, facts: dict[str, Any], relationship: str, why: str
    ) -> None:
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        person = await kin(**facts)
        body = {"name": person.name, "social_security_number": person.number, "relationship": relationship}

        problem = refused(await owner.call("PUT", f"{enrolment}/details", body), 409, "relationship-implausible")

        assert [field["code"] for field in problem["errors"]] == [why]
        assert (await owner.read(enrolment))["state"] == "details_pending"

    @pytest.mark.parametrize(("relationship", "code"), [("01", "self"), ("98", "unknown"), (None, "missing")])
    async def test_words_that_are_no_relationship(
        self, owner: Owner, kin: Kin, relationship: str | None, code: str
    ) -> None:
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        person = await kin()
        body: JSON = {"name": person.name, "social_security_number": person.number}
        body |= {} if relationship is None else {"relationship": relationship}

        problem = refused(await owner.call("PUT", f"{enrolment}/details", body), 422, "invalid-request")

        assert [(field["pointer"], field["code"]) for field in problem["errors"]] == [("/relationship", code)]

    async def test_oneself(self, owner: Owner) -> None:
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        me = owner.person
        body = {"name": me.name, "social_security_number": me.number, "relationship": "71"}

        refused(await owner.call("PUT", f"{enrolment}/details", body), 409, "self-not-allowed")

    async def test_who_is_a_member_already(self, owner: Owner, kin: Kin) -> None:
        father = await kin(age=68)
        link_id = (await owner.add(father, "51", age=68))["link_id"]
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        body = {"name": father.name, "social_security_number": father.number, "relationship": "57"}

        problem = refused(await owner.call("PUT", f"{enrolment}/details", body), 409, "already-member")

        assert problem["next"]["href"] == f"/v1/family/members/{link_id}"

    async def test_who_is_being_added(self, owner: Owner, kin: Kin) -> None:
        father = await kin(age=68)
        first = await owner.to_documents(father, "51")
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        body = {"name": father.name, "social_security_number": father.number, "relationship": "51"}

        problem = refused(await owner.call("PUT", f"{enrolment}/details", body), 409, "already-adding")

        assert problem["next"]["href"] == first

    async def test_who_has_no_card_adds_nobody(self, make: Make, house: Any, phone: Any) -> None:
        nobody = phone("10000008001")
        await nobody.register()
        without_password = await app_of(await make.owner(has_password=False), house)

        for caller in (nobody, without_password):
            answer = await caller.call("POST", "/v1/enrolments", {"kind": "family_member"})
            assert refused(answer, 409, "own-card-needed")["next"]["href"] == "/v1/enrolments"


class TestPlaces:
    @pytest.mark.parametrize(
        ("relationship", "facts", "places"),
        [
            ("12", {"age": 38, "sex": "2"}, 1),
            ("20", {"age": 15}, 3),
            ("51", {"age": 68}, 4),
            ("99", {"age": 30}, 2),
        ],
    )
    async def test_each_kind_has_so_many(
        self, owner: Owner, kin: Kin, relationship: str, facts: dict[str, Any], places: int
    ) -> None:
        for _ in range(places):
            await owner.to_documents(await kin(**facts), relationship)
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        one_more = await kin(**facts)
        body = {"name": one_more.name, "social_security_number": one_more.number, "relationship": relationship}

        answer = await owner.call("PUT", f"{enrolment}/details", body)
        assert refused(answer, 409, "quota-reached")["next"]["href"] == "/v1/family"

        quota = ok(await owner.call("GET", "/v1/family"))["quota"]
        assert (quota["total"]["used"], quota["total"]["limit"]) == (places, 10)
        grandmother = await kin(age=88, sex="2", name="李静")
        elsewhere = await owner.to_documents(grandmother, "64" if relationship != "51" else "99")
        assert (await owner.read(elsewhere))["state"] == "documents_pending"

    async def test_the_total_holds_too(self, database: Any, make: Make, house: Any, kin: Kin) -> None:
        await set_policy(database, "quota", profile="small", total=2)
        owner = await app_of(await make.owner(), house)
        for relationship, age in (("51", 68), ("20", 15)):
            await owner.to_documents(await kin(age=age), relationship)
        enrolment = await owner.open("family_member")
        await owner.acknowledge(enrolment, "family-account")
        third = await kin(age=30)
        body = {"name": third.name, "social_security_number": third.number, "relationship": "99"}

        refused(await owner.call("PUT", f"{enrolment}/details", body), 409, "quota-reached")

        assert ok(await owner.call("GET", "/v1/family"))["quota"]["profile"] == "small"


class TestNewborns:
    async def test_without_portrait_and_card_two_people_decide_and_the_card_follows(
        self, owner: Owner, kin: Kin, db: Database
    ) -> None:
        child = await kin(age=0, parents=[owner.person.number], portrait=None, card=None)
        enrolment = await owner.to_face(child, "20", age=0)
        check = await owner.face_check(enrolment)
        (case,) = await db.run(cases.waiting)

        await people_decide(owner.house, login="li")
        still = await owner.read(enrolment)
        await people_decide(owner.house, login="wang")
        done = await owner.read(enrolment)
        card = ok(await owner.call("GET", f"/v1/holders/{done['link_id']}/card"))

        assert (check["state"], check["reason"]) == ("failed", "source_photo_missing")
        assert (case.reason.value, case.reviewers_needed) == ("no_reference_portrait", 2)
        assert (still["state"], done["state"]) == ("in_review", "active")
        assert await rights(owner, done["link_id"]) == {"view", "show_code", "certify", "file"}
        assert card["status"] == "not_issued"
