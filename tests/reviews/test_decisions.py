"""What reviewers decide: only who holds a case, for reasons that fit; two where it takes two; and who is told."""

import asyncio
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.models.cases import Finding, Verdict
from app.routers.deps import House
from app.services.operators import registering
from app.texts import message, problem, review_finding
from tests import cluster
from tests.factories.adding import Kin, later, ok, refused, set_policy, steps
from tests.factories.callers import SOMEBODY
from tests.factories.phone import CARD_PASSWORD, Phone
from tests.factories.staff import Hire, Worker
from tests.reviews.conftest import Ask, Asked, claimed, decided
from tests.reviews.test_claims import audited, holder, known
from tests.reviews.test_reading import own_card_in_review
from tests.worker.test_telling import LANGUAGE, REGISTERED, told

YES = {"decision": "approve", "reason": "papers-fit"}
NO = {"decision": "reject", "reason": "papers-do-not-fit"}
OWNERS_PHONE = "10000009999"


async def decide(worker: Worker, asked: Asked, body: dict[str, str], **headers: str) -> Any:
    return await worker.call("POST", f"{asked.review}/decisions", body, **headers)


class TestYes:
    async def test_it_starts_the_link_and_both_are_told(self, ask: Ask, li: Worker, kin: Kin, house: House) -> None:
        asked = await ask.father()
        await kin.change(asked.member, phone=REGISTERED)

        done = await decided(li, asked, "approve", "papers-and-face-fit")

        assert (done["state"], done["approvals"], done["reviewers_needed"]) == ("approved", 1, 1)
        assert (await ask.owner.read(asked.enrolment))["state"] == "active"
        messages = await told(house)
        assert message("link_started_owner", LANGUAGE, member="王**") in messages[OWNERS_PHONE]
        assert messages[REGISTERED][0] == message("link_started_member", LANGUAGE, owner="王**")

    async def test_for_an_own_card_it_says_that_a_step_is_left(
        self, phone: Any, kin: Kin, li: Worker, house: House
    ) -> None:
        asked = await own_card_in_review(phone, kin)

        await decided(li, asked, "approve", "identity-shown")

        assert message("enrolment_approved", LANGUAGE, name="王**") in (await told(house))[SOMEBODY]

    async def test_it_is_written_down_for_what_purpose_with_owner_and_member(
        self, ask: Ask, li: Worker, db: Database, house: House
    ) -> None:
        asked = await ask.father()

        await decided(li, asked, **YES)

        done = ("review.decided", "operator", "review_of_enrolment")
        assert done in await audited(db, await known(house, asked.member))
        assert done in await audited(db, holder(ask.owner))


class TestNo:
    async def test_the_owner_reads_why_and_owner_and_member_are_told(
        self, ask: Ask, li: Worker, kin: Kin, house: House
    ) -> None:
        asked = await ask.father()
        await kin.change(asked.member, phone=REGISTERED)

        await decided(li, asked, "reject", "relationship-not-shown")

        read = {
            language: ok(await ask.owner.call("GET", asked.enrolment, Accept_Language=language))
            for language in ("zh-CN", "en", "es")
        }
        assert {each["rejection"] for each in read.values()} == {"relationship-not-shown"}
        assert {language: each["rejection_text"] for language, each in read.items()} == {
            language: review_finding("relationship-not-shown", language) for language in read
        }
        messages = await told(house)
        assert message("enrolment_rejected", LANGUAGE, name="王**") in messages[OWNERS_PHONE]
        assert messages[REGISTERED] == [message("enrolment_rejected_member", LANGUAGE, owner="王**")]

    async def test_one_no_is_enough_where_two_must_agree(self, ask: Ask, li: Worker, wang: Worker) -> None:
        asked = await ask.newborn()
        await decided(li, asked, **YES)

        done = await decided(wang, asked, **NO)

        assert (done["state"], done["approvals"]) == ("rejected", 1)
        assert (await ask.owner.read(asked.enrolment))["state"] == "rejected"

    async def test_a_rule_that_stands_against_it_now_is_told_in_words_too(self, ask: Ask, li: Worker, kin: Kin) -> None:
        asked = await ask.father()
        await kin.change(asked.member, is_alive=False)

        await decided(li, asked, **YES)

        read = ok(await ask.owner.call("GET", asked.enrolment, Accept_Language="en"))
        assert (read["state"], read["rejection"]) == ("rejected", "person-not-verified")
        assert read["rejection_text"] == problem("person-not-verified", "en").title


class TestWho:
    @pytest.mark.parametrize("body", [YES, NO, {"decision": "ask_for_more", "reason": "papers-unreadable"}])
    async def test_nobody_decides_what_they_do_not_hold(
        self, ask: Ask, li: Worker, wang: Worker, body: dict[str, str]
    ) -> None:
        asked = await ask.father()
        never_claimed = await decide(li, asked, body)
        await claimed(wang, asked)
        anothers = await decide(li, asked, body)

        refused(never_claimed, 409, "review-not-claimed")
        refused(anothers, 409, "review-not-claimed")
        assert (await ask.owner.read(asked.enrolment))["state"] == "in_review"

    async def test_who_was_too_slow_decides_nothing(self, ask: Ask, li: Worker, house: House) -> None:
        asked = await claimed(li, await ask.father())
        await later(house, minutes=12)
        assert (await li.call("GET", asked.review)).status_code == 200
        await later(house, minutes=3)

        refused(await decide(li, asked, YES), 409, "review-not-claimed")

    async def test_of_one_who_was_too_slow_and_one_who_holds_it_one_counts(
        self, ask: Ask, li: Worker, hire: Hire, house: House
    ) -> None:
        asked = await claimed(li, await ask.newborn())
        await later(house, minutes=12)
        assert (await li.call("GET", asked.review)).status_code == 200
        await later(house, minutes=3)
        wang = await hire("wang")
        await claimed(wang, asked)

        late, right = await asyncio.gather(decide(li, asked, YES), decide(wang, asked, YES))

        refused(late, 409, "review-not-claimed")
        assert (right.status_code, right.json()["approvals"], right.json()["state"]) == (201, 1, "open")

    async def test_the_same_reviewer_twice_at_once_counts_once(self, ask: Ask, li: Worker) -> None:
        asked = await claimed(li, await ask.newborn())

        answers = await asyncio.gather(*(decide(li, asked, YES) for _ in range(5)))

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
        assert (await ask.owner.read(asked.enrolment))["state"] == "in_review"

    async def test_the_same_reviewer_is_not_two_people(self, ask: Ask, li: Worker, wang: Worker) -> None:
        asked = await ask.newborn()
        first = await decided(li, asked, **YES)
        again = await li.call("POST", f"{asked.review}/claims")
        (item,) = ok(await li.call("GET", "/v1/reviews"))["items"]
        second = await decided(wang, asked, "approve", "face-fits")

        assert (first["state"], first["approvals"]) == ("open", 1)
        refused(again, 409, "other-reviewer-needed")
        assert (item["has_approved"], item["approvals"], item["hold"]) == (True, 1, None)
        assert (second["state"], second["approvals"]) == ("approved", 2)
        assert (await ask.owner.read(asked.enrolment))["state"] == "active"

    async def test_nor_is_one_person_with_another_login(self, ask: Ask, hire: Hire, kin: Kin, house: House) -> None:
        person = await known(house, await kin(age=45))
        asked = await ask.newborn()
        await decided(await hire("twin-a", who=person), asked, **YES)
        await house.db.run(lambda session: registering.remove(session, "twin-a"))
        other = await hire("twin-b", who=person)

        claim = await other.call("POST", f"{asked.review}/claims")
        (item,) = ok(await other.call("GET", "/v1/reviews"))["items"]

        refused(claim, 409, "other-reviewer-needed")
        assert (item["has_approved"], item["approvals"]) == (True, 1)
        assert (await ask.owner.read(asked.enrolment))["state"] == "in_review"

    async def test_nor_are_two_logins_of_one_person_from_before_they_were_refused(
        self, ask: Ask, hire: Hire, kin: Kin, house: House
    ) -> None:
        asked = await ask.newborn()
        first = await hire("twin-a", who=await known(house, await kin(age=45)))
        second = await hire("twin-b", who=await known(house, await kin(age=46)))
        await decided(first, asked, **YES)
        await claimed(second, asked)
        as_before = text("UPDATE operator SET person_id = (SELECT person_id FROM operator WHERE login = 'twin-a')")
        await house.db.run(lambda session: session.execute(as_before))

        refused(await decide(second, asked, YES), 409, "other-reviewer-needed")

        assert (await ask.owner.read(asked.enrolment))["state"] == "in_review"

    async def test_the_same_request_again_is_answered_the_same(self, ask: Ask, li: Worker) -> None:
        asked = await claimed(li, await ask.newborn())

        first = await decide(li, asked, YES, Idempotency_Key="one-decision")
        again = await decide(li, asked, YES, Idempotency_Key="one-decision")
        other = await decide(li, asked, NO, Idempotency_Key="one-decision")

        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        refused(other, 422, "idempotency-key-reused")

    async def test_deciding_and_cancelling_at_once_agree(self, ask: Ask, li: Worker) -> None:
        for _ in range(3):
            asked = await claimed(li, await ask.father())

            done, cancelled = await asyncio.gather(decide(li, asked, YES), ask.owner.call("DELETE", asked.enrolment))
            state = (await ask.owner.read(asked.enrolment))["state"]

            assert (done.status_code, cancelled.status_code, state) in [(201, 409, "active"), (409, 204, "cancelled")]


class TestWhy:
    async def test_only_reasons_of_the_closed_list_that_fit(self, ask: Ask, li: Worker) -> None:
        asked = await claimed(li, await ask.father())
        view = ok(await li.call("GET", asked.review))
        fitting = {(choice["decision"], choice["reason"]) for choice in view["choices"]}

        for verdict, finding in product(Verdict, Finding):
            if (verdict, finding) not in fitting:
                answer = await decide(li, asked, {"decision": verdict, "reason": finding})
                errors = refused(answer, 422, "invalid-request")["errors"]
                assert [error["pointer"] for error in errors] == ["/reason"]
        assert len(fitting) == 12

    @pytest.mark.parametrize(
        "body",
        [{}, {"decision": "approve"}, YES | {"reason": "looks nice"}, YES | {"decision": "maybe"}, YES | {"x": 1}],
    )
    async def test_what_is_no_decision_is_refused(self, ask: Ask, li: Worker, body: dict[str, object]) -> None:
        asked = await claimed(li, await ask.father())

        refused(await li.call("POST", f"{asked.review}/decisions", body), 422, "invalid-request")


class TestHowMany:
    @pytest.fixture
    async def two_for_wishes(self, database: cluster.Database) -> None:
        """A policy that takes two people for whatever was asked for; before the house has read the rules."""
        await set_policy(database, "reviews", two_for=["asked_for"])

    async def test_which_cases_take_two_is_a_policy(
        self, two_for_wishes: None, ask: Ask, li: Worker, wang: Worker
    ) -> None:
        asked = await ask.father()

        first = await decided(li, asked, **YES)
        second = await decided(wang, asked, **YES)

        assert (first["state"], second["state"]) == ("open", "approved")


class TestOthers:
    async def test_an_own_card_goes_on_to_its_password(self, phone: Any, kin: Kin, li: Worker) -> None:
        me: Phone = phone(SOMEBODY)
        asked = await own_card_in_review(lambda _: me, kin)

        await decided(li, asked, "approve", "identity-shown")
        waiting = await me.read(asked.enrolment)
        done = ok(await me.call("PUT", f"{asked.enrolment}/card-password", {"password": CARD_PASSWORD}))

        assert (waiting["state"], steps(waiting), done["state"]) == ("password_pending", ["card-password"], "active")

    async def test_an_own_card_that_is_refused_proves_nobody(self, phone: Any, kin: Kin, li: Worker) -> None:
        me: Phone = phone(SOMEBODY)
        asked = await own_card_in_review(lambda _: me, kin)

        await decided(li, asked, "reject", "identity-not-shown")

        assert ok(await me.call("GET", "/v1/me"))["name"] is None
        assert (await me.read(asked.enrolment))["rejection"] == "identity-not-shown"
