"""Cards ordered for oneself and for members, and followed until they are collected."""

import asyncio
from collections import Counter
from datetime import date
from typing import Any

import pytest

from app.core.db import Database
from app.models.links import LinkEnd
from app.models.stand_ins import FiledCardOrder
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services import audit, links
from app.services.cards import following
from app.services.links import Services
from tests import cluster
from tests.card_orders.playing import OFFICE, Ordering
from tests.cards.test_following import say
from tests.factories.adding import set_policy
from tests.factories.make import Holder, Make
from tests.factories.passing import Time
from tests.factories.rows import count

WHOLE = [
    "submitted",
    "reviewed",
    "batched_to_bank",
    "account_opened",
    "being_made",
    "at_branch",
    "collected",
]


class TestDrafts:
    async def test_a_draft_asks_for_a_photo_and_then_to_be_handed_in(self, mine: Ordering) -> None:
        draft = await mine.draft()
        without = await mine.submit(draft["id"])
        ready = (await mine.photo(draft["id"])).json()

        assert (draft["state"], draft["office_id"], draft["timeline"]) == ("draft", OFFICE, [])
        assert [each["step"] for each in draft["next"]] == ["consent", "withdraw"]
        assert (without.status_code, without.json()["code"]) == (409, "card-order-photo-missing")
        assert ready["next"][0] == {
            "step": "submit",
            "method": "POST",
            "href": f"/v1/holders/me/card-orders/{draft['id']}/submission",
        }

    @pytest.mark.parametrize(
        "body",
        [
            {"reason": "lost"},
            {"reason": "lost", "office_id": OFFICE, "address": "北京路 1 号 3 单元"},
            {"reason": "damaged", "office_id": "nowhere"},
            {"reason": "bored", "office_id": OFFICE},
        ],
    )
    async def test_a_card_goes_to_an_office_that_is_there_or_to_an_address(
        self, mine: Ordering, body: dict[str, str]
    ) -> None:
        answer = await mine.post(mine.path, body)

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")

    async def test_where_it_goes_is_said_by_one_field_of_two(self, mine: Ordering) -> None:
        answer = await mine.post(mine.path, {"reason": "lost"})

        [said] = answer.json()["errors"]
        assert (said["code"], said["allowed"]) == ("one_of_both", ["office_id", "address"])

    async def test_an_address_is_sealed_and_told_to_nobody(self, mine: Ordering, database: cluster.Database) -> None:
        draft = await mine.draft(address="北京路 1 号 3 单元 王志远")

        assert "北京路" not in str(draft)
        assert draft["office_id"] is None

    @pytest.mark.parametrize(
        ("reason", "facts"), [("first", {}), ("lost", {}), ("lost", {"card": None}), ("expired", {"card": None})]
    )
    async def test_the_reason_must_fit_what_the_register_says(
        self, make: Make, me: Holder, reason: str, facts: dict[str, Any]
    ) -> None:
        member = await make.member(me, "20", birth_date=date(2024, 5, 1), **facts)
        ordering = Ordering(me, str(member.link_id))

        answer = await ordering.post(ordering.path, {"reason": reason, "office_id": OFFICE})

        assert (answer.status_code, answer.json()["code"]) == (409, "card-order-reason-differs")

    async def test_nobody_orders_a_card_for_somebody_who_has_died(self, make: Make, me: Holder) -> None:
        member = await make.member(me)
        await make.collect_card(member.person, is_alive=False)
        ordering = Ordering(me, str(member.link_id))

        answer = await ordering.post(ordering.path, {"reason": "damaged", "office_id": OFFICE})

        assert (answer.status_code, answer.json()["code"]) == (409, "card-order-reason-differs")

    async def test_a_draft_is_handed_in_once(self, mine: Ordering) -> None:
        order_id = await mine.ready()

        answers = await asyncio.gather(*(mine.submit(order_id) for _ in range(4)))

        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}
        late = [answer.json() for answer in answers if answer.status_code == 409]
        assert {(said["code"], said["next"]["href"]) for said in late} == {
            ("card-order-step-not-allowed", f"{mine.path}/{order_id}")
        }

    async def test_only_so_many_are_begun_a_day(self, database: cluster.Database, make: Make) -> None:
        await set_policy(database, "card_orders", begun_a_day=1)
        mine = Ordering(await make.owner())

        answers = [await mine.post(mine.path, {"reason": "damaged", "address": "北京路 1 号"}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 429]


class TestTheWhole:
    async def test_a_card_is_made_by_the_clock_and_each_step_is_told_once(self, mine: Ordering, time: Time) -> None:
        order_id = await mine.order()
        await time.work()
        number = (await mine.who.read("/v1/holders/me/card"))["card_number"]
        for _ in range(23):
            await time.pass_by(days=1)

        done = await mine.read(order_id)
        told = Counter(text for text in await time.texts() if "实体社保卡" in text)

        assert [step["state"] for step in done["timeline"]] == WHOLE
        assert [step["code"] for step in done["timeline"]] == [None, "10", "20", "30", "40", "50", "60"]
        assert (set(told.values()), len(told)) == ({1}, len(WHOLE) - 1)
        assert (await mine.who.read("/v1/holders/me/card"))["card_number"] != number

    async def test_a_newborn_gets_a_card_and_then_an_e_card(self, make: Make, me: Holder, time: Time) -> None:
        member = await make.member(me, "30", sex="2", birth_date=date(2026, 10, 1), card=None)
        baby = Ordering(me, str(member.link_id))
        before = await me.read(f"/v1/holders/{member.link_id}/card")
        await baby.order("first")
        await time.work()
        for _ in range(23):
            await time.pass_by(days=1)

        after = await me.read(f"/v1/holders/{member.link_id}/card")

        assert (before["status"], after["status"]) == ("not_issued", "issued")

    async def test_a_failure_says_why_and_lets_one_order_again(self, make: Make, me: Holder, time: Time) -> None:
        long = Ordering(await make.owner(name="阿卜杜热合曼江·艾合买提尼亚孜·吐尔逊娜依古丽"))
        order_id = await long.order()
        await time.work()
        for _ in range(7):
            await time.pass_by(days=1)

        step = (await long.read(order_id))["timeline"][-1]

        assert (step["state"], step["reason"], step["code"]) == ("failed", "bank_refused", "90/F03")
        assert "order again" in step["reason_text"]
        assert (await long.read(await long.order()))["state"] == "submitted"

    async def test_lists_are_paged_the_newest_first(self, mine: Ordering) -> None:
        made = [(await mine.draft())["id"] for _ in range(3)]

        first = await mine.who.read(f"{mine.path}?limit=2")
        second = await mine.who.read(f"{mine.path}?limit=2&cursor={first['next_cursor']}")

        assert [each["id"] for each in first["items"] + second["items"]] == made[::-1]


class TestOneUnderWay:
    async def test_of_many_handed_in_at_once_by_several_people_one_leaves(
        self, make: Make, me: Holder, db: Database, time: Time
    ) -> None:
        member = await make.member(me)
        father = Ordering(await make.signed_in(member.person))
        other_owner = await make.owner(name="林若溪")
        second = await make.member(other_owner, "56", person=member.person)
        people = [Ordering(me, str(member.link_id)), Ordering(other_owner, str(second.link_id)), father] * 2
        ready = [await each.ready() for each in people]

        answers = await asyncio.gather(*(each.submit(order) for each, order in zip(people, ready, strict=True)))
        await asyncio.gather(time.work(), time.work())

        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"card-order-under-way"}
        assert await count(db, FiledCardOrder) == 1

    async def test_the_refusal_leads_to_the_one_under_way(self, mine: Ordering) -> None:
        first, second = await mine.ready(), await mine.ready()
        await mine.submit(first)

        refused = await mine.submit(second)

        assert refused.json()["next"]["href"] == f"/v1/holders/me/card-orders/{first}"


class TestForAMember:
    async def test_a_member_is_told_of_the_order_and_sees_it(self, make: Make, me: Holder, time: Time) -> None:
        member = await make.member(me)
        father = Ordering(await make.signed_in(member.person))

        order_id = await Ordering(me, str(member.link_id)).order()
        await time.work()

        assert (await father.read(order_id))["filed_by"] == "family"
        assert any("申领了实体社保卡" in text for text in await time.texts())

    async def test_an_owner_who_may_not_file_orders_nothing(self, make: Make, me: Holder) -> None:
        member = await make.member(me, services=Services(file=False))
        ordering = Ordering(me, str(member.link_id))

        answer = await ordering.post(ordering.path, {"reason": "damaged", "office_id": OFFICE})

        assert (answer.status_code, answer.json()["code"]) == (403, "service-not-shared")

    async def test_it_is_not_there_for_anybody_else(self, make: Make, mine: Ordering) -> None:
        stranger = Ordering(await make.owner(name="刘雅文"))
        order_id = await mine.ready()

        answers = [
            await stranger.who.call("GET", f"{stranger.path}/{order_id}"),
            await stranger.photo(order_id),
            await stranger.submit(order_id),
        ]

        assert {answer.status_code for answer in answers} == {404}

    async def test_an_end_before_it_leaves_keeps_it_here_and_deletes_the_photo(
        self, make: Make, me: Holder, db: Database, time: Time
    ) -> None:
        member = await make.member(me)
        father = Ordering(await make.signed_in(member.person))
        order_id = await Ordering(me, str(member.link_id)).order()
        await db.run(lambda session: links.end(session, member.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))
        await time.work()

        read = await father.read(order_id)

        assert (read["state"], read["not_submitted_because"]) == ("not_submitted", "link_ended")
        assert (read["photo_until"], await count(db, FiledCardOrder)) == (None, 0)

    @pytest.mark.parametrize(
        ("facts", "because"),
        [
            ({"status": PhysicalCardStatus.APPLICATION_LOCKED}, "card_not_in_order"),
            ({"is_alive": False}, "holder_died"),
        ],
    )
    async def test_what_happens_to_card_or_holder_before_it_leaves_keeps_it_here(
        self, mine: Ordering, house: House, db: Database, time: Time, facts: dict[str, Any], because: str
    ) -> None:
        order_id = await mine.order()
        await say(house, mine.who, **facts)
        await following.refresh(db, house.ports.register, mine.who.id)
        await time.work()

        read = await mine.read(order_id)

        assert (read["state"], read["not_submitted_because"]) == ("not_submitted", because)
        assert read["not_submitted_text"].startswith("It was not sent")
        assert await count(db, FiledCardOrder) == 0

    async def test_an_end_while_it_leaves_has_one_outcome(
        self, make: Make, me: Holder, db: Database, time: Time
    ) -> None:
        member = await make.member(me)
        father = Ordering(await make.signed_in(member.person))
        order_id = await Ordering(me, str(member.link_id)).order()
        end = db.run(lambda session: links.end(session, member.link_id, LinkEnd.BY_MEMBER, audit.SYSTEM))

        await asyncio.gather(time.work(), end)
        await time.work()

        has_left = await count(db, FiledCardOrder) == 1
        assert (await father.read(order_id))["state"] == ("submitted" if has_left else "not_submitted")


class TestTakingBack:
    async def test_a_draft_is_over_with_its_photo_and_another_can_be_begun(self, mine: Ordering) -> None:
        order_id = await mine.ready(address="北京路 1 号 3 单元")

        answers = [await mine.who.call("DELETE", f"{mine.path}/{order_id}") for _ in range(2)]
        read = await mine.read(order_id)

        assert [answer.status_code for answer in answers] == [200, 200]
        assert (read["state"], read["photo_until"], read["next"]) == ("withdrawn", None, [])
        assert [step["text"] for step in read["timeline"]] == ["The order was taken back."]
        assert (await mine.submit(order_id)).json()["code"] == "card-order-step-not-allowed"
        await mine.order()

    async def test_what_was_handed_in_is_taken_back_until_it_leaves(
        self, mine: Ordering, db: Database, time: Time
    ) -> None:
        early = await mine.order()
        taken_back = await mine.who.call("DELETE", f"{mine.path}/{early}")
        late = await mine.order()
        await time.work()
        refused = await mine.who.call("DELETE", f"{mine.path}/{late}")

        assert taken_back.json()["state"] == "withdrawn"
        assert await count(db, FiledCardOrder) == 1
        assert (refused.status_code, refused.json()["code"]) == (409, "card-order-too-late")
        assert refused.json()["next"]["href"] == f"{mine.path}/{late}"

    async def test_while_it_is_handed_in_it_comes_to_one_end(self, mine: Ordering, db: Database, time: Time) -> None:
        order_id = await mine.ready()

        await asyncio.gather(
            mine.submit(order_id), time.work(), mine.who.call("DELETE", f"{mine.path}/{order_id}"), time.work()
        )
        await time.work()

        has_left = await count(db, FiledCardOrder) == 1
        assert (await mine.read(order_id))["state"] == ("submitted" if has_left else "withdrawn")
