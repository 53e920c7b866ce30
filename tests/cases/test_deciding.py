"""What people decide: once, by as many as it takes, and what follows for whoever waits."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.cli.cases import decide
from app.core.db import new_id
from app.core.errors import NotFound
from app.models.cases import Case, CaseState, Finding, Verdict
from app.ports.register import (
    PhysicalCard,
    PhysicalCardStatus,
    Register,
    RegisteredPerson,
    RegisterUnavailable,
    TestPerson,
)
from app.routers.deps import House
from app.services import cases
from app.services.cases import CaseAlreadyDecided, Decision, OtherReviewerNeeded
from app.services.reviews.claiming import ReviewClaimed
from tests import cluster
from tests.factories.adding import Kin, Owner, later, ok, refused, steps
from tests.factories.deciding import NO, YES, hired, people_decide, the_case
from tests.factories.make import Make
from tests.factories.phone import CARD_PASSWORD, Phone

SHOWN = Decision(Verdict.APPROVE, Finding.IDENTITY_SHOWN)
NOT_SHOWN = Decision(Verdict.REJECT, Finding.IDENTITY_NOT_SHOWN)


async def in_review(owner: Owner, kin: Kin, **facts: Any) -> str:
    """Bring a father's enrolment before people."""
    enrolment = await owner.to_face(await kin(age=68, **facts), "51", age=68)
    ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "face_not_possible"}))
    return enrolment


class TestFamilies:
    async def test_a_yes_starts_the_link_and_is_written_down(
        self, owner: Owner, kin: Kin, house: House, make: Make
    ) -> None:
        enrolment = await in_review(owner, kin)

        case = await people_decide(house, YES)
        read = await owner.read(enrolment)

        assert (case.state, case.decision_reason) == (CaseState.APPROVED, "papers-fit")
        assert (read["state"], read["review"]) == ("active", None)
        assert owner.holder is not None
        audited = {action: facts for action, facts, _ in await make.audited(owner.holder)}
        assert audited["review.decided"] == {
            "case_id": str(case.id),
            "purpose": "review_of_enrolment",
            "decision": "approve",
            "reason": "papers-fit",
            "state": "approved",
        }

    async def test_a_no_ends_it_and_the_owner_reads_why(self, owner: Owner, kin: Kin, house: House) -> None:
        enrolment = await in_review(owner, kin)

        await people_decide(house, NO)
        read = await owner.read(enrolment)

        assert (read["state"], read["rejection"]) == ("rejected", "papers-do-not-fit")
        assert steps(read) == ["start-again", "see-offices"]
        assert read["next"][1]["href"] == "/v1/offices?region=100101"

    async def test_who_has_died_meanwhile_is_not_added(self, owner: Owner, kin: Kin, house: House) -> None:
        father = await kin(age=68)
        enrolment = await owner.to_face(father, "51", age=68)
        ok(await owner.call("POST", f"{enrolment}/review-requests", {"reason": "other"}))
        await kin.change(father, is_alive=False)

        await people_decide(house, YES)
        read = await owner.read(enrolment)

        assert (read["state"], read["rejection"], read["link_id"]) == ("rejected", "person-not-verified", None)

    async def test_the_longest_waiting_are_listed_first(self, owner: Owner, kin: Kin, house: House) -> None:
        first = await in_review(owner, kin)
        await later(house, minutes=1)
        await in_review(owner, kin)

        waiting = await house.db.run(cases.waiting)

        assert [case.reason.value for case in waiting] == ["asked_for", "asked_for"]
        assert waiting[0].subject_id == UUID(first[-36:])


class TestOnce:
    @pytest.mark.parametrize("again", [YES, NO])
    async def test_what_was_decided_stays_decided(self, owner: Owner, kin: Kin, house: House, again: Decision) -> None:
        enrolment = await in_review(owner, kin)
        case = await the_case(house)
        await people_decide(house, YES, case=case)

        with pytest.raises(CaseAlreadyDecided):
            await people_decide(house, again, case=case)

        assert (await owner.read(enrolment))["state"] == "active"

    async def test_what_was_cancelled_is_not_decided(self, owner: Owner, kin: Kin, house: House) -> None:
        enrolment = await in_review(owner, kin)
        case = await the_case(house)
        await owner.call("DELETE", enrolment)

        with pytest.raises(CaseAlreadyDecided):
            await people_decide(house, YES, case=case)

        assert (await owner.read(enrolment))["state"] == "cancelled"

    async def test_what_is_no_case_is_not_there(self, house: House) -> None:
        await hired(house, "li")

        with pytest.raises(NotFound):
            await decide(house, new_id(7), "li", YES)

    async def test_while_the_register_is_silent_nothing_is_decided(self, owner: Owner, kin: Kin, house: House) -> None:
        enrolment = await in_review(owner, kin)
        silent = replace(house.ports, register=Silent())
        case = await the_case(house)

        with pytest.raises(RegisterUnavailable):
            await people_decide(replace(house, ports=silent), YES, case=case)

        assert (await owner.read(enrolment))["state"] == "in_review"
        assert (await people_decide(house, YES)).state is CaseState.APPROVED

    async def test_of_two_at_once_one_decides(self, owner: Owner, kin: Kin, house: House) -> None:
        enrolment = await in_review(owner, kin)
        case = await the_case(house)

        crowd = {f"{decision.verdict}-{n}": decision for n in range(3) for decision in (YES, NO)}
        for login in crowd:
            await hired(house, login)

        outcomes = await asyncio.gather(
            *(people_decide(house, decision, login=login, case=case) for login, decision in crowd.items()),
            return_exceptions=True,
        )
        read = await owner.read(enrolment)

        decided = [each for each in outcomes if isinstance(each, Case)]
        assert len(decided) == 1
        assert all(isinstance(each, CaseAlreadyDecided | ReviewClaimed) for each in outcomes if each is not decided[0])
        assert read["state"] == {"approved": "active", "rejected": "rejected"}[decided[0].state.value]

    async def test_deciding_and_cancelling_at_once_agree(self, owner: Owner, kin: Kin, house: House) -> None:
        for _ in range(4):
            enrolment = await in_review(owner, kin)
            case = await the_case(house)

            decided, cancelled = await asyncio.gather(
                people_decide(house, YES, case=case), owner.call("DELETE", enrolment), return_exceptions=True
            )
            read = await owner.read(enrolment)

            if read["state"] == "active":
                assert isinstance(decided, Case)
                assert not isinstance(cancelled, BaseException)
                refused(cancelled, 409, "step-not-allowed")
            else:
                assert read["state"] == "cancelled"
                assert isinstance(decided, CaseAlreadyDecided)


class TestTwoPeople:
    """Where no face could decide, two have to agree."""

    @pytest.fixture
    async def enrolment(self, owner: Owner, kin: Kin) -> str:
        child = await kin(age=2, parents=[owner.person.number], portrait=None)
        enrolment = await owner.to_face(child, "20", age=2)
        await owner.face_check(enrolment)
        return enrolment

    async def test_one_is_not_enough_nor_the_same_one_twice(self, owner: Owner, enrolment: str, house: House) -> None:
        case = await people_decide(house, YES)
        with pytest.raises(OtherReviewerNeeded):
            await people_decide(house, YES)
        still = await owner.read(enrolment)

        last = await people_decide(house, YES, login="wang")

        assert (case.state, case.reviewers_needed, still["state"]) == (CaseState.OPEN, 2, "in_review")
        assert last.state is CaseState.APPROVED
        assert (await owner.read(enrolment))["state"] == "active"

    async def test_one_no_is_enough(self, owner: Owner, enrolment: str, house: House) -> None:
        await people_decide(house, YES)

        case = await people_decide(house, NO, login="wang")

        assert case.state is CaseState.REJECTED
        assert (await owner.read(enrolment))["state"] == "rejected"

    async def test_one_after_the_other_they_suffice_and_start_one_link(
        self, owner: Owner, enrolment: str, house: House, make: Make
    ) -> None:
        for login in ("li", "wang"):
            await people_decide(house, YES, login=login)

        assert (await owner.read(enrolment))["state"] == "active"
        assert owner.holder is not None
        actions = [action for action, _, _ in await make.audited(owner.holder)]
        assert (actions.count("review.decided"), actions.count("link.started")) == (2, 1)

    async def test_the_server_cannot_take_an_approval_back(
        self, owner: Owner, enrolment: str, house: House, database: cluster.Database
    ) -> None:
        await people_decide(house, YES)
        connection = await asyncpg.connect(database.app_url)

        try:
            for statement in ("DELETE FROM review_approval", "UPDATE review_approval SET operator = 'wang'"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()


class Silent(Register):
    """A register that does not answer."""

    async def find(self, number: str) -> RegisteredPerson | None:
        raise RegisterUnavailable

    async def find_by_card(self, card_number: str) -> RegisteredPerson | None:
        raise RegisterUnavailable

    async def portrait(self, number: str) -> bytes | None:
        raise RegisterUnavailable


class TestOwnCards:
    @pytest.fixture
    async def person(self, kin: Kin) -> TestPerson:
        return await kin(age=40)

    @pytest.fixture
    async def me(self, phone: Any, person: TestPerson) -> Phone:
        """Somebody whose own card waits for people."""
        me: Phone = phone("10000008001")
        await me.register()
        enrolment = await me.open("own_card")
        await me.acknowledge(enrolment, "own-card")
        await me.details(enrolment, person)
        ok(await me.call("POST", f"{enrolment}/review-requests", {"reason": "face_not_possible"}))
        return me

    async def test_a_yes_leads_to_the_password(self, me: Phone, house: House) -> None:
        await people_decide(house, YES)
        (enrolment,) = ok(await me.call("GET", "/v1/enrolments"))["items"]
        done = await me.call("PUT", f"/v1/enrolments/{enrolment['id']}/card-password", {"password": CARD_PASSWORD})

        assert (enrolment["state"], ok(done)["state"]) == ("password_pending", "active")

    async def test_a_no_proves_nobody(self, me: Phone, house: House) -> None:
        await people_decide(house, NO)

        assert ok(await me.call("GET", "/v1/me"))["name"] is None

    async def test_a_card_locked_meanwhile_is_not_issued(
        self, me: Phone, person: TestPerson, kin: Kin, house: House
    ) -> None:
        (enrolment,) = ok(await me.call("GET", "/v1/enrolments"))["items"]
        await kin.change(person, card=PhysicalCard("T00000001", PhysicalCardStatus.CANCELLED))

        await people_decide(house, YES)
        read = await me.read(f"/v1/enrolments/{enrolment['id']}")

        assert (read["state"], read["rejection"]) == ("rejected", "card-cancelled")


class TestResets:
    @pytest.fixture
    async def me(self, phone: Any, kin: Kin) -> Phone:
        """Somebody whose face has failed three times at a reset of the card password."""
        me: Phone = phone("10000008001")
        await me.register()
        await me.own_card(await kin(age=40))
        for _ in range(3):
            await later(me.house, minutes=2)
            body = {
                "sms_code": await me.sms_code("card_password_reset"),
                "device_meta": {"sandbox_scenario": "face_mismatch"},
            }
            reset = ok(await me.call("POST", "/v1/card/password-resets", body))
            ok(await me.call("POST", f"/v1/face-checks/{reset['face_check']['id']}/completion"))
            self.address = f"/v1/card/password-resets/{reset['id']}"
        return me

    async def test_a_yes_lets_the_new_password_be_set(self, me: Phone, house: House) -> None:
        too_early = await me.call("PUT", self.address, {"new": "704182"})

        case = await people_decide(house, SHOWN)
        done = await me.call("PUT", self.address, {"new": "704182"})
        checked = await me.step_up("704182")

        refused(too_early, 409, "reset-not-ready")
        assert case.purpose.value == "card_password_reset"
        assert (done.status_code in (200, 204), checked.status_code) == (True, 200)

    async def test_a_no_leaves_the_old_one(self, me: Phone, house: House) -> None:
        await people_decide(house, NOT_SHOWN)

        refused(await me.call("PUT", self.address, {"new": "704182"}), 409, "reset-not-ready")
        assert (await me.step_up()).status_code == 200

    async def test_what_was_decided_stays_decided(self, me: Phone, house: House) -> None:
        case = await the_case(house)
        await people_decide(house, NOT_SHOWN)

        with pytest.raises(CaseAlreadyDecided):
            await people_decide(house, SHOWN, case=case)
