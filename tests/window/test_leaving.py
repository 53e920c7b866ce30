"""Links are ended and disputed at a window, by members who are there and need no account; locks are lifted."""

import asyncio

import httpx
import pytest

from app.core.db import Database
from app.routers.deps import House
from app.services.links import comparing
from tests import cluster
from tests.factories.adding import Kin, Owner, ok, refused, set_policy
from tests.factories.counters import Open
from tests.factories.make import Holder, Make, Member
from tests.factories.passing import Time
from tests.factories.phone import CARD_PASSWORD, JSON
from tests.window.conftest import Window

ENDINGS, DISPUTES, UNLOCKS = (
    "/v1/counter/link-endings",
    "/v1/counter/link-disputes",
    "/v1/counter/password-unlocks",
)


WRONG = ("271828", "314159", "161803", "141421", "173205")


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def mother(make: Make, me: Holder) -> Member:
    """The owner's mother, who has no account."""
    return await make.member(me, "52", sex="2", name="李秀英")


async def check(owner: Owner, password: str = CARD_PASSWORD) -> httpx.Response:
    return await owner.call("POST", "/v1/card/password-checks", {"password": password})


def paper(member: Member, *documents: str) -> JSON:
    said = member.person.registered
    return {
        "person": {
            "name": said.name,
            "social_security_number": said.number,
            "documents_seen": list(documents or ("id_card",)),
        }
    }


class TestEnding:
    async def test_a_member_without_an_account_sees_and_ends_by_their_papers(
        self, window: Window, me: Holder, mother: Member, house: House, db: Database
    ) -> None:
        seen = ok(await window.post(ENDINGS, paper(mother)))
        ended = ok(await window.post(ENDINGS, paper(mother) | {"link_ids": [str(mother.link_id)]}))
        again = ok(await window.post(ENDINGS, paper(mother) | {"link_ids": [str(mother.link_id)]}))
        await Time(house).work()

        assert [(each["link_id"], each["state"]) for each in seen["items"]] == [(str(mother.link_id), "active")]
        assert [each["state"] for each in ended["items"]] == ["ended"]
        assert [each["state"] for each in again["items"]] == ["ended"]
        assert (await me.read("/v1/family"))["members"] == []
        told = {row["message"] for row in await db.fetch("SELECT message FROM notification")}
        assert {"link_ended_owner", "link_ended_member"} <= told

    async def test_a_card_that_was_read_ends_once(self, window: Window, make: Make, mother: Member) -> None:
        token = await window.card(Kin.known(mother.person), "link_ending")
        body = {"card_read": token, "link_ids": [str(mother.link_id)]}

        seen = ok(await window.post(ENDINGS, {"card_read": token}))
        ended = ok(await window.post(ENDINGS, body))

        assert [len(each["items"]) for each in (seen, ended)] == [1, 1]
        refused(await window.post(ENDINGS, body), 409, "card-read-used")
        written = [action for action, _, _ in await make.audited(mother.person)]
        assert {"counter.card_read", "links.seen_at_counter", "links.ended_at_counter", "link.ended"} <= set(written)

    async def test_a_card_read_for_something_else_ends_nothing(
        self, window: Window, me: Holder, mother: Member
    ) -> None:
        token = await window.card(Kin.known(mother.person), "enrolment")

        refused(
            await window.post(ENDINGS, {"card_read": token, "link_ids": [str(mother.link_id)]}),
            409,
            "card-read-for-another-purpose",
        )
        assert len((await me.read("/v1/family"))["members"]) == 1

    async def test_nobody_ends_others_links(self, window: Window, make: Make, me: Holder, mother: Member) -> None:
        stranger = await make.person(name="路人甲")
        body = {"card_read": await window.card(Kin.known(stranger), "link_ending"), "link_ids": [str(mother.link_id)]}

        refused(await window.post(ENDINGS, body), 404, "not-found")
        assert len((await me.read("/v1/family"))["members"]) == 1

    async def test_wrong_unknown_and_unproven_people_are_nobody(
        self, window: Window, mother: Member, make: Make, db: Database
    ) -> None:
        said = paper(mother)
        wrong = {"person": said["person"] | {"name": "李四"}}

        refused(await window.post(ENDINGS, wrong), 409, "person-not-verified")
        bare = refused(await window.post(ENDINGS, paper(mother, "guardianship_proof")), 422, "documents-not-shown")
        both = refused(await window.post(ENDINGS, said | {"card_read": "x"}), 422, "invalid-request")
        typed = {"person": said["person"] | {"name": "1", "social_security_number": "12"}}
        none = refused(await window.post(ENDINGS, typed), 422, "invalid-request")

        assert bare["errors"][0]["pointer"] == "/person/documents_seen"
        assert both["errors"][0]["code"] == "one_of_both"
        assert [each["pointer"] for each in none["errors"]] == ["/person/name", "/person/social_security_number"]
        rows = await db.fetch("SELECT facts FROM audit_event WHERE action = 'person.lookup_refused'")
        assert len(rows) == 1
        assert mother.person.registered.number not in str(rows[0]["facts"])

    async def test_who_has_guessed_too_often_learns_nothing_of_those_who_are_there(
        self, database: cluster.Database, open_counter: Open, make: Make
    ) -> None:
        await set_policy(database, "counters", unknown_a_day=1)
        window, right = Window(await open_counter()), paper(await make.member(await make.owner(), "52", sex="2"))
        wrong = {"person": right["person"] | {"name": "李四"}}

        answers = [await window.post(ENDINGS, said) for said in (right, wrong, wrong, right)]

        assert [answer.status_code for answer in answers] == [201, 409, 429, 429]

    async def test_an_owner_of_the_clerks_family_is_as_good_as_a_member(self, open_counter: Open, make: Make) -> None:
        counter = await open_counter()
        brother = await make.owner(name="经办", parents=frozenset({counter.clerk_is.registered.number}))
        friend = await make.member(brother, "97", name="朋友")

        answer = await Window(counter).post(ENDINGS, paper(friend) | {"link_ids": [str(friend.link_id)]})

        refused(answer, 403, "service-of-own-family")


class TestDisputing:
    async def test_a_member_without_an_account_freezes_a_link_at_once(
        self, window: Window, me: Holder, mother: Member, db: Database
    ) -> None:
        body = paper(mother) | {"link_id": str(mother.link_id), "reason": "pressed"}

        first = ok(await window.post(DISPUTES, body))
        again = ok(await window.post(DISPUTES, body))

        assert (first["id"], first["reason"]) == (again["id"], "pressed")
        assert (await me.read(f"/v1/family/members/{mother.link_id}"))["state"] == "frozen"
        (case,) = await db.fetch("SELECT reason FROM review_case WHERE state = 'open'")
        assert case["reason"] == "link_disputed"

    async def test_disputes_and_endings_at_once_leave_no_link_torn(
        self, window: Window, me: Holder, mother: Member, db: Database
    ) -> None:
        end = paper(mother) | {"link_ids": [str(mother.link_id)]}
        object_to = paper(mother) | {"link_id": str(mother.link_id), "reason": "other"}

        answers = await asyncio.gather(
            window.post(ENDINGS, end),
            window.post(DISPUTES, object_to),
            me.call("DELETE", f"/v1/family/members/{mother.link_id}"),
            window.post(ENDINGS, end),
        )

        assert {each.status_code for each in answers} <= {201, 204, 404}
        assert await comparing.torn(db) == []
        assert await db.fetch("SELECT 1 FROM link_dispute WHERE outcome IS NULL") == []


class TestUnlocking:
    @pytest.fixture(autouse=True)
    async def password(self, owner: Owner, make: Make) -> None:
        """Let the owner have a card password."""
        assert owner.holder is not None
        await make.card_password(owner.holder)

    async def lock(self, owner: Owner) -> None:
        for wrong in WRONG:
            await check(owner, wrong)
        refused(await check(owner), 423, "card-password-locked")

    async def unlock(self, window: Window, owner: Owner) -> httpx.Response:
        return await window.post(UNLOCKS, {"card_read": await window.card(owner.person, "password_unlock")})

    async def test_a_lock_is_lifted_for_a_holder_who_is_there(
        self, window: Window, owner: Owner, house: House, db: Database
    ) -> None:
        await self.lock(owner)

        done = ok(await self.unlock(window, owner))
        right = await check(owner)
        await Time(house).work()

        assert done == {"left_until_reset": 15}
        assert right.status_code == 200
        told = {row["message"] for row in await db.fetch("SELECT message FROM notification")}
        assert "card_password_unlocked" in told

    async def test_what_counts_towards_a_reset_is_kept_and_it_is_lifted_only_so_often(
        self, window: Window, owner: Owner, db: Database
    ) -> None:
        free = await self.unlock(window, owner)
        left = []
        for _ in range(2):
            await self.lock(owner)
            left.append(ok(await self.unlock(window, owner))["left_until_reset"])
        await self.lock(owner)
        third = await self.unlock(window, owner)
        await db.fetch("UPDATE card_password SET wrong_since_right = 20")
        last = await self.unlock(window, owner)

        refused(free, 409, "card-password-not-locked")
        assert left == [15, 10]
        refused(third, 429, "unlocks-used-up")
        refused(last, 423, "card-password-reset-needed")

    async def test_of_two_at_once_one_lifts_it(self, window: Window, owner: Owner, db: Database) -> None:
        await self.lock(owner)
        token = await window.card(owner.person, "password_unlock")

        answers = await asyncio.gather(*(window.post(UNLOCKS, {"card_read": token}) for _ in range(4)))

        assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
        events = await db.fetch("SELECT 1 FROM audit_event WHERE action = 'card.password_unlocked'")
        assert len(events) == 1
