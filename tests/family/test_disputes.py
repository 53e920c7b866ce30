"""A member objects to a link: frozen at once, decided by people or by time, once."""

import asyncio
import secrets

import httpx
import pytest

from app import worker
from app.core.db import Database, bucket_of
from app.models.cases import Finding, Verdict
from app.models.links import LinkDispute
from app.routers.deps import House
from app.services.audit import Action
from app.services.cases import Decision
from app.services.family import disputing
from app.services.links import comparing
from tests.factories.adding import app_of, later, ok, refused
from tests.factories.deciding import people_decide, the_case
from tests.factories.make import Holder, Make, Member, Someone
from tests.factories.rows import count

UPHELD = Decision(Verdict.APPROVE, Finding.LINK_NOT_WANTED)
DISMISSED = Decision(Verdict.REJECT, Finding.LINK_AGREED)


@pytest.fixture
async def me(make: Make) -> Holder:
    """An owner."""
    return await make.owner(name="王志远")


@pytest.fixture
async def link(make: Make, me: Holder) -> Member:
    """Their father."""
    return await make.member(me, name="王建国")


@pytest.fixture
async def father(make: Make, link: Member) -> Holder:
    """The same, with a phone of his own."""
    return await make.signed_in(link.person)


async def dispute(who: Holder, link: Member, reason: str = "not_agreed", key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key or secrets.token_hex(8)}
    return await who.call("POST", f"/v1/family/owners/{link.link_id}/disputes", {"reason": reason}, **headers)


async def end(who: Holder, link: Member, side: str) -> httpx.Response:
    return await who.call("DELETE", f"/v1/family/{side}/{link.link_id}")


async def state(me: Holder, link: Member) -> str:
    """How the owner sees the link; `ended` when it is not there."""
    answer = await me.call("GET", f"/v1/family/members/{link.link_id}")
    return "ended" if answer.status_code == 404 else str(ok(answer)["state"])


async def times(make: Make, person: Someone, action: Action) -> int:
    return [each for each, _, _ in await make.audited(person)].count(action)


async def told(db: Database, person: Someone) -> list[str]:
    rows = await db.fetch(
        "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1 AND home_id = $2"
        " AND kind = 'tell_person' ORDER BY created_at",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] for row in rows]


class TestFreezing:
    async def test_it_is_effective_on_the_next_request_and_both_are_told(
        self, db: Database, make: Make, me: Holder, father: Holder, link: Member
    ) -> None:
        answer = ok(await dispute(father, link))

        assert answer["link_id"] == str(link.link_id)
        assert await state(me, link) == "frozen"
        assert (await father.read("/v1/family"))["owners"][0]["state"] == "frozen"
        assert (await father.read(f"/v1/family/owners/{link.link_id}"))["dispute"] == answer
        refused(await me.call("GET", f"/v1/holders/{link.link_id}/card"), 409, "link-frozen")
        assert "link_disputed_owner" in await told(db, me)
        assert "link_disputed_member" in await told(db, link.person)
        for home in (me, link.person):
            [event] = [each for each in await make.audited(home) if each[0] == Action.LINK_DISPUTED]
            assert (event[1]["reason"], event[2]) == ("not_agreed", father.id)
        assert await comparing.torn(db) == []

    async def test_who_disputes_again_reads_the_first(self, house: House, father: Holder, link: Member) -> None:
        first = ok(await dispute(father, link, "pressed"))

        again = ok(await dispute(father, link, "misused"))

        assert again == first
        assert (await the_case(house)).purpose == "link_dispute"

    async def test_many_at_once_open_one_case(
        self, db: Database, make: Make, me: Holder, father: Holder, link: Member
    ) -> None:
        answers = await asyncio.gather(*(dispute(father, link) for _ in range(6)))

        assert len({ok(answer)["id"] for answer in answers}) == 1
        assert await count(db, LinkDispute) == 1
        assert await times(make, me, Action.LINK_DISPUTED) == 1

    async def test_what_is_not_a_members_own_living_link_is_not_there(
        self, make: Make, me: Holder, father: Holder, link: Member
    ) -> None:
        adding = await make.adding(me, "52", sex="2")
        stranger = await make.owner()

        for who, which in ((me, link), (stranger, link), (father, adding)):
            refused(await dispute(who, which), 404, "not-found")
        await end(father, link, "owners")
        refused(await dispute(father, link), 404, "not-found")

    async def test_a_frozen_link_is_narrowed_and_stays_frozen(self, me: Holder, father: Holder, link: Member) -> None:
        await dispute(father, link)

        ok(await father.call("PUT", f"/v1/family/owners/{link.link_id}/services", {"services": ["view"]}))

        assert await state(me, link) == "frozen"


class TestDecisions:
    async def test_upheld_ends_the_link_and_keeps_the_owner_from_naming_the_member(
        self, db: Database, make: Make, house: House, me: Holder, father: Holder, link: Member
    ) -> None:
        phone = await app_of(await make.card_password(me), house)
        await dispute(father, link)

        await people_decide(house, UPHELD)

        assert await state(me, link) == "ended"
        assert (await father.read("/v1/family"))["owners"] == []
        ended = next(facts for action, facts, _ in await make.audited(me) if action == Action.LINK_ENDED)
        assert ended["because"] == "by_dispute"
        assert (await told(db, me))[-1] == "link_ended_owner"
        enrolment = await phone.open("family_member")
        await phone.acknowledge(enrolment, "family-account")
        named = {
            "name": link.person.registered.name,
            "social_security_number": link.person.registered.number,
            "relationship": "51",
        }
        answer = await phone.call("PUT", f"{enrolment}/details", named)
        assert refused(answer, 409, "member-disputed")["retry_after_seconds"] > 29 * 86400

    async def test_dismissed_lets_it_go_on_as_before(
        self, db: Database, house: House, me: Holder, father: Holder, link: Member
    ) -> None:
        await dispute(father, link)

        await people_decide(house, DISMISSED)

        assert await state(me, link) == "active"
        assert (await me.call("GET", f"/v1/holders/{link.link_id}/card")).status_code == 200
        assert (await told(db, me))[-1] == "link_dispute_dismissed_owner"
        assert await comparing.torn(db) == []

    async def test_after_a_no_the_member_may_dispute_once_more(
        self, house: House, me: Holder, father: Holder, link: Member
    ) -> None:
        first = ok(await dispute(father, link))
        await people_decide(house, DISMISSED)

        second = ok(await dispute(father, link))

        assert second["id"] != first["id"]
        assert await state(me, link) == "frozen"


class TestTime:
    async def test_undecided_for_fifteen_days_it_ends(
        self, make: Make, house: House, me: Holder, father: Holder, link: Member
    ) -> None:
        await dispute(father, link)
        await later(house, days=14, hours=23, minutes=59)
        assert await disputing.lapse_due(house.db) == 0
        assert await state(me, link) == "frozen"

        await later(house, minutes=2)
        await asyncio.gather(*(disputing.lapse_due(house.db) for _ in range(3)))

        assert await state(me, link) == "ended"
        assert await times(make, me, Action.LINK_ENDED) == 1
        with pytest.raises(ValueError, match="not enough values"):
            await the_case(house)

    def test_the_worker_sees_to_it(self, house: House) -> None:
        assert "lapse_disputes" in [chore.name for chore in worker.chores(house.db, house.ports)]


class TestAtOnce:
    async def test_an_end_and_a_dispute_have_one_outcome(
        self, db: Database, make: Make, me: Holder, father: Holder, link: Member
    ) -> None:
        answers = await asyncio.gather(
            dispute(father, link), end(me, link, "members"), dispute(father, link), end(father, link, "owners")
        )

        assert {answer.status_code for answer in answers} <= {201, 204, 404}
        assert await state(me, link) == "ended"
        assert await times(make, me, Action.LINK_ENDED) == 1
        rows = await db.fetch("SELECT outcome FROM link_dispute")  # whichever came first
        assert {row["outcome"] for row in rows} <= {"link_ended"}
        assert await db.fetch("SELECT 1 FROM review_case WHERE state = 'open'") == []
        assert await comparing.torn(db) == []

    async def test_a_decision_and_an_end_have_one_outcome(
        self, db: Database, make: Make, house: House, me: Holder, father: Holder, link: Member
    ) -> None:
        await dispute(father, link)

        await asyncio.gather(
            people_decide(house, DISMISSED), end(me, link, "members"), disputing.lapse_due(db), return_exceptions=True
        )

        assert await state(me, link) == "ended"
        assert await times(make, me, Action.LINK_ENDED) == 1
        assert await comparing.torn(db) == []

    async def test_both_of_two_who_added_each_other_may_dispute(self, make: Make, me: Holder) -> None:
        wife = await make.owner(name="李静", sex="2")
        mine, hers = await make.member(me, "12", person=wife), await make.member(wife, "11", person=me)

        answers = await asyncio.gather(dispute(wife, mine), dispute(me, hers))

        assert [answer.status_code for answer in answers] == [201, 201]
        assert (await state(me, mine), await state(wife, hers)) == ("frozen", "frozen")
