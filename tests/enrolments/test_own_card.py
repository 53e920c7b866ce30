"""An own card, from the notice to the password, for everybody the demo has."""

import json
import time
from collections.abc import Callable
from datetime import date

import pytest

from app.adapters.postgres.versions import MIGRATIONS
from app.ports.register import PhysicalCard, PhysicalCardStatus, TestPerson
from tests import cluster
from tests.factories.adding import Kin, Owner, later, new_number, ok, refused, set_policy, steps
from tests.factories.make import Make
from tests.factories.phone import CARD_PASSWORD, JSON, Phone

People = dict[str, TestPerson]
Phones = Callable[[str], Phone]
NUMBER = "10000008001"


async def to_details(phone: Phone) -> str:
    """Register and go as far as the details."""
    await phone.register()
    enrolment = await phone.open("own_card")
    await phone.acknowledge(enrolment, "own-card")
    return enrolment


def details_of(person: TestPerson, **other: str) -> JSON:
    return {"name": person.name, "social_security_number": person.number} | other


class TestWhoMay:
    async def test_what_stands_in_the_way_is_said_and_the_enrolment_stays(self, people: People, phone: Phones) -> None:
        me = phone(NUMBER)
        enrolment = await to_details(me)

        for label, code in {
            "child-9": "guardian-needed",
            "child-turning-16": "guardian-needed",
            "newborn": "guardian-needed",
            "card-locked": "card-locked",
            "card-not-activated": "card-not-activated",
            "card-cancelled": "card-cancelled",
            "no-card": "no-physical-card",
            "deceased": "person-not-verified",
        }.items():
            problem = refused(await me.call("PUT", f"{enrolment}/details", details_of(people[label])), 409, code)
            assert problem["next"]["text"]
        read = await me.read(enrolment)

        assert (read["state"], read["member"], steps(read)) == ("details_pending", None, ["details"])
        assert ok(await me.call("GET", "/v1/me"))["name"] is None

    @pytest.mark.parametrize(
        ("label", "typed"),
        [
            ("card-lost", {}),
            ("card-lost-temporarily", {}),
            ("hongkong-permit", {}),
            ("taiwan-permit", {}),
            ("foreign-resident-2017", {"name": "Oliver James O\N{RIGHT SINGLE QUOTATION MARK}Neill"}),
            ("middle-dot", {"name": "阿依古丽 \N{KATAKANA MIDDLE DOT} 买买提"}),
            ("middle-dot", {"name": "阿依古丽．买买提"}),
            ("rare-character", {"name": "龚\ue863\U0002cc56"}),
            ("long-name", {"name": "阿卜杜热合曼江•艾合买提尼亚孜‧吐尔逊娜依古丽"}),
        ],
    )
    async def test_everybody_else_gets_theirs(
        self, people: People, phone: Phones, label: str, typed: dict[str, str]
    ) -> None:
        me = phone(NUMBER)
        enrolment = await to_details(me)

        answer = ok(await me.call("PUT", f"{enrolment}/details", details_of(people[label], **typed)))
        me.tokens = answer["tokens"]
        await me.consent(enrolment, "face-check")
        check = await me.face_check(enrolment)
        passed = await me.read(enrolment)

        assert (answer["state"], answer["face"]["mode"], answer["requirements"]) == ("face_pending", "live", [])
        assert (check["state"], passed["state"], steps(passed)) == ("passed", "password_pending", ["card-password"])

    async def test_a_number_is_taken_however_it_is_typed(self, people: People, phone: Phones) -> None:
        me, person = phone(NUMBER), people["macao-permit"]
        enrolment = await to_details(me)
        typed = f" {person.number[:6]} {person.number[6:14]} {person.number[14:].lower()}"

        answer = await me.call("PUT", f"{enrolment}/details", details_of(person, social_security_number=typed))

        assert ok(answer)["state"] == "face_pending"

    async def test_without_a_portrait_people_look(self, people: People, phone: Phones) -> None:
        me = phone(NUMBER)
        enrolment = await to_details(me)
        await me.details(enrolment, people["foreign-resident"])
        await me.consent(enrolment, "face-check")

        check = await me.face_check(enrolment)
        read = await me.read(enrolment)

        assert (check["reason"], check["tries_left"]) == ("source_photo_missing", 3)
        assert (read["state"], read["review"]["reason"]) == ("in_review", "no_reference_portrait")

    async def test_a_relationship_belongs_to_relatives_only(self, people: People, phone: Phones) -> None:
        me = phone(NUMBER)
        enrolment = await to_details(me)

        answer = await me.call("PUT", f"{enrolment}/details", details_of(people["no-card"], relationship="51"))

        problem = refused(answer, 422, "invalid-request")
        assert [(field["pointer"], field["code"]) for field in problem["errors"]] == [("/relationship", "extra")]


class TestOneAnswer:
    async def test_unknown_misnamed_and_dead_people_get_one_answer_in_the_same_time(
        self, people: People, phone: Phones, database: cluster.Database
    ) -> None:
        floor = json.loads((MIGRATIONS / "data" / "policies_0002.json").read_text())["lookups"]["floor_milliseconds"]
        await set_policy(database, "lookups", floor_milliseconds=floor)
        me = phone(NUMBER)
        enrolment = await to_details(me)
        unknown = {"name": "王志远", "social_security_number": new_number(date(1987, 1, 1), "1")}
        answers, waits = [], []

        for asked in (unknown, details_of(people["parent-68"], name="王建中"), details_of(people["deceased"])):
            started = time.monotonic()
            answer = await me.call("PUT", f"{enrolment}/details", asked)
            waits.append(time.monotonic() - started)
            answers.append(refused(answer, 409, "person-not-verified"))

        assert all({**answer, "request_id": ""} == {**answers[0], "request_id": ""} for answer in answers)
        assert floor == 400
        assert min(waits) >= floor / 1000


class TestOneCard:
    async def test_a_members_card_is_adopted_and_only_gets_a_password(
        self, owner: Owner, kin: Kin, phone: Phones
    ) -> None:
        father = await kin(age=68)
        link = (await owner.add(father, "51", age=68))["link_id"]
        before = ok(await owner.call("GET", f"/v1/holders/{link}/card"))
        me = phone(NUMBER)
        await me.register()

        await me.own_card(father)
        mine = ok(await me.call("GET", "/v1/holders/me/card"))
        after = ok(await owner.call("GET", f"/v1/holders/{link}/card"))

        assert (before["status"], mine["status"], after["status"]) == ("issued", "active", "active")
        assert {(card["issue_number"], card["issued_at"]) for card in (before, mine, after)} == {
            (before["issue_number"], before["issued_at"])
        }

    async def test_who_has_a_card_needs_no_other(self, owner: Owner, kin: Kin) -> None:
        own = await owner.open("own_card")
        await owner.acknowledge(own, "own-card")
        other = await kin(age=30)
        me = {"name": "王小明", "social_security_number": owner.person.number}

        mine = refused(await owner.call("PUT", f"{own}/details", me), 409, "already-has-card")
        refused(await owner.call("PUT", f"{own}/details", details_of(other)), 409, "already-has-card")

        assert mine["next"]["href"] == "/v1/holders/me/card"

    async def test_details_move_the_account_and_end_its_older_sessions(self, people: People, phone: Phones) -> None:
        me, person = phone(NUMBER), people["taiwan-permit"]
        enrolment = await to_details(me)
        old = me.tokens

        new = (await me.details(enrolment, person))["tokens"]
        again = await me.call("PUT", f"{enrolment}/details", details_of(person))
        me.tokens = old
        ended = await me.call("GET", enrolment)
        refreshed = await me.client.post("/v1/sessions/refresh", json={"refresh_token": old["refresh_token"]})
        me.tokens = ok(refreshed)

        refused(ended, 401, "session-ended")
        assert new["session_id"] != old["session_id"]
        assert ok(again)["tokens"] is None
        assert (await me.read(enrolment))["state"] == "face_pending"

    async def test_the_name_given_may_be_changed_until_the_face_has_passed(self, people: People, phone: Phones) -> None:
        me = phone(NUMBER)
        enrolment = await to_details(me)
        await me.details(enrolment, people["hongkong-permit"])

        answer = await me.details(enrolment, people["macao-permit"])
        await me.consent(enrolment, "face-check")
        await me.face_check(enrolment)

        assert answer["member"]["name"] == "何**"
        assert (await me.read(enrolment))["state"] == "password_pending"
        assert ok(await me.call("GET", "/v1/me"))["name"] == "何**"


class TestTakingOver:
    async def test_a_claimant_sees_nothing_of_the_person(
        self, owner: Owner, make: Make, phone: Phones, kin: Kin
    ) -> None:
        assert owner.holder is not None
        owner.holder = await make.card_password(owner.holder)
        await owner.add(await kin(age=68), "51", age=68)
        claimant = phone(NUMBER)
        enrolment = await to_details(claimant)

        await claimant.details(enrolment, owner.person)
        me = ok(await claimant.call("GET", "/v1/me"))

        assert (me["name"], me["social_security_number"], me["has_card"]) == (None, None, False)
        refused(await claimant.call("GET", "/v1/family"), 409, "own-card-needed")
        refused(await claimant.call("GET", "/v1/holders/me/card"), 409, "own-card-needed")
        refused(await claimant.call("POST", "/v1/enrolments", {"kind": "family_member"}), 409, "own-card-needed")
        check = await claimant.call("POST", "/v1/card/password-checks", {"password": CARD_PASSWORD})
        refused(check, 409, "card-password-not-set")
        assert [item["id"] for item in ok(await claimant.call("GET", "/v1/enrolments"))["items"]] == [enrolment[-36:]]
        assert {item["kind"] for item in ok(await claimant.call("GET", "/v1/consents"))["items"]} == {"own_card"}
        assert len(ok(await claimant.call("GET", "/v1/sessions"))["items"]) == 1

    async def test_who_shows_the_face_takes_over_and_the_first_accounts_sessions_end(
        self, owner: Owner, phone: Phones, kin: Kin
    ) -> None:
        await owner.add(await kin(age=68), "51", age=68)
        second = phone(NUMBER)
        await second.register()
        await second.own_card(owner.person)

        refused(await owner.call("GET", "/v1/me"), 401, "session-ended")
        family = ok(await second.call("GET", "/v1/family"))
        assert [member["name"] for member in family["members"]] == ["王**"]

    async def test_a_failed_face_takes_nothing_over(self, owner: Owner, phone: Phones) -> None:
        claimant = phone(NUMBER)
        enrolment = await to_details(claimant)
        await claimant.details(enrolment, owner.person)
        await claimant.consent(enrolment, "face-check")

        check = await claimant.face_check(enrolment, "face_mismatch")

        assert (check["state"], check["tries_left"]) == ("failed", 2)
        assert ok(await owner.call("GET", "/v1/me"))["has_card"] is not None
        refused(await claimant.call("GET", "/v1/family"), 409, "own-card-needed")


class TestBetweenSteps:
    async def test_a_card_that_was_locked_meanwhile_is_not_issued(self, kin: Kin, phone: Phones) -> None:
        person, me = await kin(age=40), phone(NUMBER)
        enrolment = await to_details(me)
        await me.details(enrolment, person)
        await me.consent(enrolment, "face-check")
        await kin.change(person, card=PhysicalCard("T00000001", PhysicalCardStatus.APPLICATION_LOCKED))

        check = await me.face_check(enrolment)
        read = await me.read(enrolment)

        assert (check["state"], read["state"], read["rejection"]) == ("passed", "rejected", "card-locked")
        assert ok(await me.call("GET", "/v1/me"))["name"] is None

    async def test_who_has_died_meanwhile_gets_none(self, kin: Kin, phone: Phones) -> None:
        person, me = await kin(age=40), phone(NUMBER)
        enrolment = await to_details(me)
        await me.details(enrolment, person)
        await me.consent(enrolment, "face-check")
        await kin.change(person, is_alive=False)

        await me.face_check(enrolment)
        read = await me.read(enrolment)

        assert (read["state"], read["rejection"]) == ("rejected", "person-not-verified")

    async def test_the_last_step_can_wait_for_three_days_and_be_begun_again(
        self, people: People, phone: Phones
    ) -> None:
        me, person = phone(NUMBER), people["hongkong-permit"]
        enrolment = await to_details(me)
        await me.details(enrolment, person)
        await me.consent(enrolment, "face-check")
        await me.face_check(enrolment)
        await later(me.house, hours=71)
        me.tokens = ok(await me.client.post("/v1/sessions/refresh", json=refresh_of(me)))
        assert (await me.read(enrolment))["state"] == "password_pending"

        await later(me.house, hours=2)
        me.tokens = ok(await me.client.post("/v1/sessions/refresh", json=refresh_of(me)))
        ended = await me.read(enrolment)
        await me.own_card(person)

        assert (ended["state"], steps(ended)) == ("expired", ["start-again"])
        assert ok(await me.call("GET", "/v1/me"))["has_card"] is True


def refresh_of(phone: Phone) -> JSON:
    return {"refresh_token": phone.tokens["refresh_token"]}
