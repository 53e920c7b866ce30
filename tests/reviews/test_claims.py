"""One reviewer holds a case for a while; nobody is given their own family's."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database, bucket_of
from app.models.links import LinkEnd
from app.ports.register import TestPerson
from app.routers.deps import House
from app.services import audit, links
from app.services.operators import registering
from app.services.people import homes
from app.services.people.identifiers import Population, parse_number
from tests.factories.adding import Kin, Owner, later, ok, refused
from tests.factories.make import Holder, Make, Someone
from tests.factories.staff import Hire, Worker
from tests.reviews.conftest import Ask, Asked, claimed


def holder(owner: Owner) -> Holder:
    assert owner.holder is not None
    return owner.holder


async def known(house: House, person: TestPerson) -> Someone:
    """Return somebody of the register, with the home that their number has here."""
    registered = await house.ports.register.find(person.number)
    assert registered is not None
    number = parse_number(person.number, population=Population.WITH_TEST_PEOPLE)
    return Someone(await house.db.run(lambda session: homes.find_or_create(session, number, registered)), registered)


async def audited(db: Database, home: Someone) -> Sequence[tuple[str, str, str]]:
    rows = await db.fetch(
        "SELECT action, actor_kind, facts->>'purpose' AS purpose FROM audit_event"
        " WHERE bucket = $1 AND home_id = $2 AND action LIKE 'review.%' ORDER BY seq",
        bucket_of(home.id),
        home.id,
    )
    return [(row["action"], row["actor_kind"], row["purpose"]) for row in rows]


class TestOne:
    async def test_of_eight_at_once_one_holds_it(self, ask: Ask, hire: Hire) -> None:
        asked = await ask.father()
        crowd = [await hire(f"reviewer-{n}") for n in range(8)]

        answers = await asyncio.gather(*(worker.call("POST", f"{asked.review}/claims") for worker in crowd))

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"review-claimed"}
        (winner,) = [worker for worker, answer in zip(crowd, answers, strict=True) if answer.status_code == 201]
        assert (await winner.call("GET", asked.review)).status_code == 200

    async def test_who_holds_it_holds_it_for_longer_by_claiming_it_again(
        self, ask: Ask, li: Worker, house: House
    ) -> None:
        asked = await ask.father()
        first = ok(await li.call("POST", f"{asked.review}/claims"))["claimed_until"]
        await later(house, minutes=10)
        second = ok(await li.call("POST", f"{asked.review}/claims"))["claimed_until"]
        await later(house, minutes=10)

        assert second > first
        assert (await li.call("GET", asked.review)).status_code == 200

    async def test_it_is_over_by_itself_and_goes_to_another(
        self, ask: Ask, li: Worker, hire: Hire, house: House
    ) -> None:
        asked = await claimed(li, await ask.father())
        await later(house, minutes=12)
        wang = await hire("wang")
        too_early = await wang.call("POST", f"{asked.review}/claims")
        still = await li.call("GET", asked.review)
        await later(house, minutes=3)
        in_time = await wang.call("POST", f"{asked.review}/claims")
        gone = await li.call("GET", asked.review)

        assert 0 < refused(too_early, 409, "review-claimed")["retry_after_seconds"] <= 180
        assert (still.status_code, in_time.status_code) == (200, 201)
        refused(gone, 409, "review-not-claimed")

    async def test_who_comes_again_when_they_were_told_to_is_heard_with_the_same_key(
        self, ask: Ask, li: Worker, hire: Hire, house: House
    ) -> None:
        asked = await claimed(li, await ask.father())
        await later(house, minutes=12)
        wang, key = await hire("wang"), {"Idempotency-Key": "one-and-the-same"}

        too_early = await wang.call("POST", f"{asked.review}/claims", **key)
        await later(house, seconds=refused(too_early, 409, "review-claimed")["retry_after_seconds"])
        in_time, again = [await wang.call("POST", f"{asked.review}/claims", **key) for _ in range(2)]

        assert ok(in_time) == ok(again)
        assert ("idempotency-replayed" in in_time.headers, "idempotency-replayed" in again.headers) == (False, True)

    async def test_given_back_it_is_free_at_once(self, ask: Ask, li: Worker, wang: Worker) -> None:
        asked = await claimed(li, await ask.father())

        given = [await li.call("DELETE", f"{asked.review}/claims/current") for _ in range(2)]
        mine = await li.call("GET", asked.review)
        theirs = await wang.call("POST", f"{asked.review}/claims")

        assert [answer.status_code for answer in given] == [204, 204]
        refused(mine, 409, "review-not-claimed")
        assert theirs.status_code == 201

    async def test_nobody_gives_back_what_another_holds(self, ask: Ask, li: Worker, wang: Worker) -> None:
        asked = await claimed(li, await ask.father())

        assert (await wang.call("DELETE", f"{asked.review}/claims/current")).status_code == 204

        assert (await li.call("GET", asked.review)).status_code == 200

    async def test_the_same_request_again_is_answered_the_same(self, ask: Ask, li: Worker, house: House) -> None:
        asked = await ask.father()
        first = await li.call("POST", f"{asked.review}/claims", Idempotency_Key="one-claim")
        await later(house, minutes=5)

        again = await li.call("POST", f"{asked.review}/claims", Idempotency_Key="one-claim")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"

    async def test_without_a_key_nothing_is_claimed(self, ask: Ask, li: Worker) -> None:
        asked = await ask.father()

        answer = await li.client.post(f"{asked.review}/claims", headers={"Authorization": f"Bearer {li.token}"})

        refused(answer, 400, "idempotency-key-missing")

    async def test_what_is_decided_is_claimed_no_more(self, ask: Ask, li: Worker) -> None:
        asked = await ask.father()
        await ask.owner.call("DELETE", asked.enrolment)

        refused(await li.call("POST", f"{asked.review}/claims"), 409, "case-already-decided")

    async def test_who_is_removed_holds_it_until_it_is_over_and_no_longer(
        self, ask: Ask, li: Worker, hire: Hire, house: House
    ) -> None:
        asked = await claimed(li, await ask.father())
        await house.db.run(lambda session: registering.remove(session, "li"))
        wang = await hire("wang")
        before = await wang.call("POST", f"{asked.review}/claims")
        await later(house, minutes=15)

        refused(before, 409, "review-claimed")
        assert (await (await hire("zhao")).call("POST", f"{asked.review}/claims")).status_code == 201

    async def test_claiming_and_giving_back_is_written_down_with_owner_and_member(
        self, ask: Ask, li: Worker, house: House, db: Database
    ) -> None:
        asked = await claimed(li, await ask.father())
        await li.call("DELETE", f"{asked.review}/claims/current")

        owner, member = holder(ask.owner), await known(house, asked.member)
        done = [(action, "operator", "review_of_enrolment") for action in ("review.claimed", "review.given_back")]
        assert (await audited(db, member)) == done
        assert (await audited(db, owner))[-2:] == done


# Who stands above whom in the register; letters are others.
TIES = {
    "their parent": [("reviewer", "member")],
    "their child": [("member", "reviewer")],
    "their grandparent": [("reviewer", "a"), ("a", "member")],
    "their grandchild": [("member", "a"), ("a", "reviewer")],
    "their sibling": [("a", "member"), ("a", "reviewer")],
    "their uncle": [("a", "reviewer"), ("a", "b"), ("b", "member")],
    "their cousin": [("a", "b"), ("b", "member"), ("a", "c"), ("c", "reviewer")],
}


class TestOwnFamily:
    """Nobody handles their own relatives; the register knows them, or links here do."""

    async def refused_to(self, worker: Worker, asked: Asked) -> httpx.Response:
        answer = await worker.call("POST", f"{asked.review}/claims")
        refused(answer, 403, "review-of-own-family")
        return answer

    async def test_not_the_case_of_a_member_who_is_the_reviewer(self, ask: Ask, hire: Hire, house: House) -> None:
        asked = await ask.father()

        await self.refused_to(await hire("li", who=await known(house, asked.member)), asked)

    async def test_nor_that_of_an_owner_who_is(self, ask: Ask, hire: Hire) -> None:
        asked = await ask.father()

        await self.refused_to(await hire("li", who=holder(ask.owner)), asked)

    @pytest.mark.parametrize("reviewer_is", sorted(TIES))
    async def test_nor_of_anybody_whom_the_register_ties_to_them(
        self, ask: Ask, hire: Hire, kin: Kin, house: House, reviewer_is: str
    ) -> None:
        reviewer = await kin(age=45)
        asked = await ask.father()
        people = {"reviewer": reviewer, "member": asked.member} | {letter: await kin(age=80) for letter in "abc"}
        for above, below in TIES[reviewer_is]:
            await kin.change(people[below], parents=frozenset({people[above].number}))

        await self.refused_to(await hire("li", who=await known(house, reviewer)), asked)

    async def test_nor_of_somebody_whose_guardian_they_are(self, ask: Ask, hire: Hire, kin: Kin, house: House) -> None:
        reviewer = await kin(age=45)
        asked = await ask.father()
        await kin.change(asked.member, guardians=frozenset({reviewer.number}))

        await self.refused_to(await hire("li", who=await known(house, reviewer)), asked)

    async def test_nor_of_the_owners_family_where_the_member_is_a_stranger(
        self, ask: Ask, hire: Hire, kin: Kin, house: House
    ) -> None:
        reviewer = await kin(age=60)
        owner = ask.owner.person
        await kin.change(owner, parents=frozenset({reviewer.number}))
        asked = await ask.father(relationship="97")

        await self.refused_to(await hire("li", who=await known(house, reviewer)), asked)

    @pytest.mark.parametrize("side", ["owner", "member"])
    @pytest.mark.parametrize("is_over", [False, True])
    async def test_nor_of_somebody_they_share_a_family_link_with_or_did(
        self, ask: Ask, hire: Hire, make: Make, house: House, side: str, *, is_over: bool
    ) -> None:
        reviewer = await make.owner(name="审核人")
        asked = await ask.father()
        if side == "owner":
            link = await make.member(reviewer, "11", person=holder(ask.owner))
        else:
            link = await make.member(holder(ask.owner), "12", person=reviewer)
        if is_over:
            await house.db.run(lambda session: links.end(session, link.link_id, LinkEnd.BY_OWNER, audit.SYSTEM))

        await self.refused_to(await hire("li", who=reviewer), asked)

    async def test_of_whom_nobody_knows_who_they_are_claims_nothing(self, ask: Ask, li: Worker, house: House) -> None:
        asked = await ask.father()
        as_before = text("UPDATE operator SET person_id = NULL")
        await house.db.run(lambda session: session.execute(as_before))

        refused(await li.call("POST", f"{asked.review}/claims"), 403, "own-number-needed")

        assert ok(await li.call("GET", "/v1/reviews"))["items"][0]["hold"] is None

    async def test_strangers_may(self, ask: Ask, hire: Hire, kin: Kin, house: House) -> None:
        parent, guardian = await kin(age=70), await kin(age=70)
        reviewer = await kin(age=40, parents=[parent.number], guardians=[guardian.number])
        asked = await ask.father()

        answer = await (await hire("li", who=await known(house, reviewer))).call("POST", f"{asked.review}/claims")

        assert answer.status_code == 201

    async def test_that_they_tried_is_written_down_and_nobody_holds_it(
        self, ask: Ask, hire: Hire, house: House, db: Database, wang: Worker
    ) -> None:
        asked = await ask.father()
        member = await known(house, asked.member)
        await self.refused_to(await hire("li", who=member), asked)

        assert await audited(db, member) == [("review.claim_refused", "operator", "review_of_enrolment")]
        assert (await wang.call("POST", f"{asked.review}/claims")).status_code == 201
