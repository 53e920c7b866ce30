"""What owner and member change of sharing that lasts, and how it ends."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from app.core.db import Database, bucket_of
from app.core.tokens.access import auth_seconds
from app.models.sharing import FundsOrder, SharingEnd
from app.routers.deps import House
from app.services.audit import Action
from app.services.sharing import ending, reading
from app.worker import relay
from tests import cluster
from tests.factories.adding import later, ok, refused, set_policy
from tests.factories.make import Holder, Make, Someone
from tests.factories.sharing import BINDINGS, Page, relative, shared

ELDER = date(1957, 3, 8)


@pytest.fixture
async def father(make: Make) -> Holder:
    """The owner's father, who has an account too."""
    return await make.card_password(await make.owner(name="王建国", birth_date=ELDER))


async def told(db: Database, person: Someone) -> list[str]:
    rows = await db.fetch(
        "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1 AND home_id = $2"
        " AND kind = 'tell_person' ORDER BY created_at",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] for row in rows]


def renewed(page: Page, house: House) -> Page:
    """Return the page after another check of the owner's card password."""
    claims = replace(page.holder.claims, auth_time=auth_seconds(house.db.clock.now()))
    return Page(replace(page.holder, claims=claims), house)


async def ends(make: Make, person: Someone) -> list[str]:
    return [facts["because"] for action, facts, _ in await make.audited(person) if action == Action.SHARING_ENDED]


class TestCapsAndPauses:
    async def test_a_cap_is_lowered_at_once_and_raised_after_a_step_up(
        self, db: Database, me: Holder, father: Holder
    ) -> None:
        address = f"{BINDINGS}/{(await shared(db, me, father)).id}"
        bare = replace(me, claims=replace(me.claims, acr=None))

        lower = await bare.call("PUT", f"{address}/cap", {"monthly_cap": "300.00"})
        raised = await bare.call("PUT", f"{address}/cap", {"monthly_cap": "400.00"})
        off = await me.call("PUT", f"{address}/cap", {"monthly_cap": None})
        for _ in range(2):
            await me.call("PUT", f"{address}/cap", {"monthly_cap": "12.50"})
        [seen] = (await father.read(BINDINGS))["shared_with_me"]

        assert ok(lower)["monthly_cap"] == "300.00"
        refused(raised, 401, "card-password-required")
        assert ok(off)["monthly_cap"] is None
        assert seen["monthly_cap"] == "12.50"
        assert (await told(db, father)).count("sharing_changed_member") == 3

    @pytest.mark.parametrize("cap", ["300", "-1.00", "1.234", "1e3", 300])
    async def test_a_cap_is_money(self, db: Database, me: Holder, father: Holder, cap: object) -> None:
        address = f"{BINDINGS}/{(await shared(db, me, father)).id}"

        refused(await me.call("PUT", f"{address}/cap", {"monthly_cap": cap}), 422, "invalid-request")

    async def test_what_is_paused_says_so_on_both_sides_until_it_is_resumed(
        self, db: Database, me: Holder, father: Holder
    ) -> None:
        address = f"{BINDINGS}/{(await shared(db, me, father)).id}"

        paused = ok(await me.call("PUT", f"{address}/pause"))
        again = ok(await me.call("PUT", f"{address}/pause"))
        [seen] = (await father.read(BINDINGS))["shared_with_me"]
        resumed = [ok(await me.call("DELETE", f"{address}/pause"))["state"] for _ in range(2)]

        assert (paused["state"], again["state"], seen["state"]) == ("paused", "paused", "paused")
        assert resumed == ["active", "active"]
        assert (await told(db, father)).count("sharing_changed_member") == 2
        refused(await father.call("PUT", f"{address}/pause"), 404, "not-found")

    async def test_what_waits_for_an_answer_is_neither_paused_nor_resumed(self, page: Page, father: Holder) -> None:
        [asked] = await page.outcomes(relative(father, "51"))
        address = f"{BINDINGS}/{asked['binding']['id']}/pause"

        for method in ("PUT", "DELETE"):
            refused(await page.holder.call(method, address), 409, "sharing-step-not-allowed")


class TestOrder:
    async def test_the_member_chooses_whose_money_goes_first(
        self, db: Database, make: Make, me: Holder, father: Holder
    ) -> None:
        sister, brother = await make.owner(sex="2", name="王静"), await make.owner(name="王强")
        made = [await shared(db, owner, father) for owner in (me, sister, brother)]
        chosen = [str(made[2].id), str(made[0].id)]

        by_binding = await father.read(BINDINGS)
        answer = ok(await father.call("PUT", "/v1/sharing/order", {"order": "chosen", "binding_ids": chosen}))
        again = await father.call("PUT", "/v1/sharing/order", {"order": "chosen", "binding_ids": chosen})
        sharers = await db.run(lambda session: reading.sharers_of(session, father.id))
        back = ok(await father.call("PUT", "/v1/sharing/order", {"order": "binding_order"}))

        assert [each["id"] for each in by_binding["shared_with_me"]] == [str(each.id) for each in made]
        assert (by_binding["order"], answer["order"], ok(again)) == ("binding_order", "chosen", answer)
        assert [each["id"] for each in answer["shared_with_me"]] == [*chosen, str(made[1].id)]
        assert sharers.order is FundsOrder.CHOSEN
        assert [each.binding_id for each in sharers.sharers] == [made[2].id, made[0].id, made[1].id]
        assert back == by_binding
        assert (await told(db, sister)).count("sharing_ordered_owner") == 2

    async def test_strangers_repeats_and_orders_that_the_rules_do_not_know_are_refused(
        self, db: Database, database: cluster.Database, make: Make
    ) -> None:
        await set_policy(database, "sharing", orders=["binding_order", "chosen"])
        me, father = await make.owner(), await make.owner(birth_date=ELDER)
        mine = str((await shared(db, me, father)).id)
        foreign = str((await shared(db, me, await make.person(birth_date=ELDER))).id)

        for chosen in ([foreign], [mine, mine]):
            answer = await father.call("PUT", "/v1/sharing/order", {"order": "chosen", "binding_ids": chosen})
            refused(answer, 422, "invalid-request")
        answer = await father.call("PUT", "/v1/sharing/order", {"order": "highest_balance"})

        refused(answer, 409, "sharing-order-not-allowed")


class TestEnds:
    @pytest.mark.parametrize("side", ["owner", "member"])
    async def test_either_side_ends_it_at_once_and_once(
        self, db: Database, make: Make, me: Holder, father: Holder, side: str
    ) -> None:
        made = await shared(db, me, father)
        who = me if side == "owner" else father

        answers = await asyncio.gather(*(who.call("DELETE", f"{BINDINGS}/{made.id}") for _ in range(4)))

        assert {answer.status_code for answer in answers} == {204}
        assert (await me.read(BINDINGS))["bindings"] == (await father.read(BINDINGS))["shared_with_me"] == []
        assert await ends(make, me) == await ends(make, father) == [f"by_{side}"]
        assert (await told(db, me)).count("sharing_ended_owner") == 1
        assert (await told(db, father)).count("sharing_ended_member") == 1

    async def test_a_strangers_wish_to_end_it_finds_nothing(self, db: Database, make: Make, me: Holder) -> None:
        made = await shared(db, me, await make.person(birth_date=ELDER))
        stranger = await make.owner(name="李雷")

        refused(await stranger.call("DELETE", f"{BINDINGS}/{made.id}"), 404, "not-found")
        refused(await stranger.call("GET", f"{BINDINGS}/{made.id}"), 404, "not-found")
        guess = await stranger.call("PUT", f"{BINDINGS}/{made.id}/confirmation", {"sms_code": "000000"})
        refused(guess, 404, "not-found")

    async def test_whoever_said_no_is_not_asked_again_for_a_while(
        self, page: Page, father: Holder, house: House, make: Make
    ) -> None:
        [asked] = await page.outcomes(relative(father, "51"))

        no = await father.call("DELETE", f"{BINDINGS}/{asked['binding']['id']}")
        [refused_now] = await page.outcomes(relative(father, "51"))
        await later(house, days=31)
        [then] = await renewed(page, house).outcomes(relative(father, "51"))

        assert no.status_code == 204
        assert refused_now["problem"]["code"] == "sharing-declined"
        assert await ends(make, father) == ["declined"]
        assert then["status"] == "pending"

    async def test_what_nobody_answers_expires_and_frees_the_place(
        self, page: Page, father: Holder, house: House, db: Database, make: Make
    ) -> None:
        await page.outcomes(relative(father, "51"))
        await later(house, hours=73)

        done = await asyncio.gather(*(ending.expire_due(db) for _ in range(4)))

        assert sorted(done) == [0, 0, 0, 1]
        assert (await page.both_sides())["bindings"] == []
        assert (await father.read(BINDINGS))["shared_with_me"] == []
        assert await ends(make, father) == ["expired"]

    async def test_what_is_over_is_agreed_to_no_more_even_before_its_end_is_written_down(
        self, page: Page, make: Make, house: House
    ) -> None:
        father = await make.person(name="王建国", birth_date=ELDER, phone="10000007777")
        [asked] = await page.outcomes(relative(father, "51"))
        await later(house, hours=71, minutes=50)
        [again] = await renewed(page, house).outcomes(relative(father, "51"))
        code, *_ = await page.codes("10000007777")
        await later(house, minutes=11)
        address = f"{BINDINGS}/{asked['binding']['id']}/confirmation"

        late = await page.holder.call("PUT", address, {"sms_code": code})

        assert again["binding"]["id"] == asked["binding"]["id"]
        refused(late, 404, "not-found")

    async def test_a_death_ends_it_on_both_sides_and_nobody_is_told_of_their_own(
        self, db: Database, make: Make, me: Holder, father: Holder
    ) -> None:
        await shared(db, me, father)
        await shared(db, father, me, "20")

        counted = [await ending.end_all(db, father.id, SharingEnd.BY_DEATH) for _ in range(2)]

        assert counted == [2, 0]
        assert [message for message in await told(db, father) if "ended" in message] == []
        assert sorted(m for m in await told(db, me) if "ended" in m) == ["sharing_ended_member", "sharing_ended_owner"]

    async def test_a_dispute_of_the_family_link_ends_what_the_two_share(
        self, db: Database, make: Make, me: Holder, father: Holder
    ) -> None:
        link = await make.member(me, "51", person=father)
        await shared(db, me, father)

        answer = await father.call(
            "POST",
            f"/v1/family/owners/{link.link_id}/disputes",
            {"reason": "misused"},
            **{"Idempotency-Key": "dispute-1"},
        )

        assert answer.status_code == 201
        assert await ends(make, me) == ["by_dispute"]

    async def test_a_closed_account_shares_no_more_and_the_other_side_reads_the_name_still(
        self, db: Database, make: Make, me: Holder, father: Holder, house: House
    ) -> None:
        await shared(db, me, father)
        read = await me.call("GET", "/v1/me/closing")

        closed = await me.call("DELETE", "/v1/me", **{"If-Match": read.headers.get("etag", '"0"')})
        while await relay.tell_due(house.db, house.ports):
            pass

        assert closed.status_code == 200, (read.text, closed.text)
        assert (await father.read(BINDINGS))["shared_with_me"] == []
        kept = await db.fetch("SELECT member_name, state, ended_because FROM sharing_binding")
        assert [tuple(row) for row in kept] == [(None, "ended", "account_closed")]


class TestFamilyPage:
    async def test_it_says_per_member_what_is_shared_of_card_filing_and_money(
        self, db: Database, make: Make, me: Holder, father: Holder
    ) -> None:
        await make.member(me, "51", person=father)
        await make.member(father, "20", person=me)
        made = await shared(db, me, father)

        [active] = (await me.read("/v1/family"))["members"]
        await me.call("PUT", f"{BINDINGS}/{made.id}/pause")
        [paused] = (await me.read("/v1/family"))["members"]
        [to_him] = (await father.read("/v1/family"))["members"]
        await me.call("DELETE", f"{BINDINGS}/{made.id}")
        [ended] = (await me.read("/v1/family"))["members"]

        assert active["shared"] == {"card": True, "filing": True, "money": "active", "money_to_me": "none"}
        assert paused["shared"]["money"] == "paused"
        assert (to_him["shared"]["money"], to_him["shared"]["money_to_me"]) == ("none", "paused")
        assert ended["shared"]["money"] == "none"
