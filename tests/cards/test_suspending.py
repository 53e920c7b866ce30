"""Suspending e-cards and lifting that."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.core.clock import today
from app.core.db import Database, bucket_of
from app.core.tokens.access import auth_seconds
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.audit import Action
from app.services.cards import following
from app.services.links import Services
from tests.cards.test_following import say
from tests.factories.make import Holder, Make, Member, Someone

MINE = "/v1/holders/me/card"
CHILD = date(2017, 5, 20)


def card_of(member: Member) -> str:
    return f"/v1/holders/{member.link_id}/card"


async def suspend(who: Holder, path: str = MINE) -> None:
    answer = await who.call("PUT", f"{path}/suspension")
    assert answer.status_code == 200, answer.text


async def lift(who: Holder, path: str = MINE) -> None:
    answer = await who.call("DELETE", f"{path}/suspension")
    assert answer.status_code == 204, answer.text


async def told(db: Database, person: Someone) -> list[str]:
    rows = await db.fetch(
        "SELECT facts->>'message' AS message FROM outbox_event WHERE bucket = $1 AND home_id = $2"
        " AND facts->>'message' ~ '^card_(suspended|resumed)' ORDER BY created_at, id",
        bucket_of(person.id),
        person.id,
    )
    return [row["message"] for row in rows]


async def written(make: Make, person: Someone) -> list[str]:
    wanted = (Action.CARD_SUSPENDED, Action.CARD_RESUMED)
    return [action for action, _, _ in await make.audited(person) if action in wanted]


@pytest.fixture
async def me(make: Make) -> Holder:
    return await make.card_password(await make.owner())


class TestOnesOwn:
    async def test_a_suspended_card_shows_no_code_files_nothing_and_is_looked_at(self, me: Holder) -> None:
        await suspend(me)

        card = await me.read(MINE)
        assert [use for use, is_allowed in card["allows"].items() if is_allowed] == [
            "view",
            "query",
            "certify",
            "history",
        ]
        assert card["suspension"]["by"] == "holder"
        assert (card["next"]["action"], card["next"]["href"]) == ("card-suspended", f"{MINE}/suspension")
        answer = await me.call(
            "POST", "/v1/enrolments", {"kind": "family_member"}, **{"Idempotency-Key": "while-suspended"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "card-suspended")
        assert answer.json()["next"]["href"] == f"{MINE}/suspension"

    async def test_lifted_it_is_as_it_was(self, me: Holder, make: Make, db: Database) -> None:
        before = await me.read(MINE)

        await suspend(me)
        await lift(me)

        assert await me.read(MINE) == before
        assert await told(db, me) == ["card_suspended", "card_resumed"]
        assert await written(make, me) == [Action.CARD_SUSPENDED, Action.CARD_RESUMED]

    async def test_done_twice_it_is_done_once(self, me: Holder, make: Make, db: Database) -> None:
        for _ in range(2):
            await suspend(me)
        for _ in range(2):
            await lift(me)

        assert await told(db, me) == ["card_suspended", "card_resumed"]
        assert await written(make, me) == [Action.CARD_SUSPENDED, Action.CARD_RESUMED]

    async def test_it_takes_a_step_up(self, make: Make) -> None:
        me = await make.owner()

        for method in ("PUT", "DELETE"):
            answer = await me.call(method, f"{MINE}/suspension")
            assert (answer.status_code, answer.json()["code"]) == (401, "card-password-required")

    async def test_a_loss_that_comes_meanwhile_outlasts_it(self, me: Holder, house: House) -> None:
        await suspend(me)
        await say(house, me, status=PhysicalCardStatus.LOST)
        await following.refresh(house.db, house.ports.register, me.id)

        await lift(me)

        assert not (await me.read(MINE))["allows"]["show_code"]

    async def test_suspended_and_lifted_at_once_each_counts_once(self, me: Holder, make: Make) -> None:
        await asyncio.gather(*(move(me) for move in (suspend, lift) * 5))

        done = await written(make, me)
        assert done == [Action.CARD_SUSPENDED, Action.CARD_RESUMED] * (len(done) // 2) + [Action.CARD_SUSPENDED] * (
            len(done) % 2
        )
        assert ((await me.read(MINE))["suspension"] is not None) is (len(done) % 2 == 1)

    async def test_a_suspension_and_a_loss_at_once_are_both_there(self, me: Holder, house: House) -> None:
        await say(house, me, status=PhysicalCardStatus.LOST)

        await asyncio.gather(suspend(me), following.refresh(house.db, house.ports.register, me.id))

        card = await me.read(MINE)
        assert (card["physical_card"], card["suspension"] is not None) == ("lost", True)


class TestAChilds:
    async def test_who_files_for_a_child_suspends_its_card_and_all_owners_hear(
        self, me: Holder, make: Make, db: Database
    ) -> None:
        child = await make.member(me, "20", birth_date=CHILD)

        await suspend(me, card_of(child))

        card = await me.read(card_of(child))
        assert (card["allows"]["show_code"], card["allows"]["view"]) == (False, True)
        assert card["suspension"]["by"] == "owner"
        assert await told(db, child.person) == ["card_suspended_member"]
        assert (await make.audited(child.person))[-2][:2] == (Action.CARD_SUSPENDED, {"link_id": str(child.link_id)})

    async def test_another_owner_can_lift_it(self, me: Holder, make: Make) -> None:
        mother = await make.card_password(await make.owner(sex="2"))
        child = await make.member(me, "20", birth_date=CHILD)
        hers = await make.member(mother, "20", person=child.person)
        await suspend(me, card_of(child))

        await lift(mother, card_of(hers))

        assert (await me.read(card_of(child)))["suspension"] is None

    async def test_from_sixteen_on_the_holder_decides(self, me: Holder, make: Make, house: House) -> None:
        day = today(house.db.clock.now())
        son = await make.member(me, "20", birth_date=day.replace(year=day.year - 16) + timedelta(days=1))
        father = await make.member(me)
        await suspend(me, card_of(son))
        assert house.sandbox is not None

        await house.sandbox.move_clock(timedelta(days=2))
        grown = await make.card_password(await make.signed_in(son.person))
        again = replace(me, claims=replace(me.claims, auth_time=auth_seconds(house.db.clock.now())))

        for member, code in ((son, "service-not-shared"), (father, "holder-decides")):
            for method in ("PUT", "DELETE"):
                answer = await again.call(method, f"{card_of(member)}/suspension")
                assert answer.json()["code"] == code
        await lift(grown)
        assert (await grown.read(MINE))["allows"]["show_code"]

    async def test_who_only_shows_a_childs_card_does_not_suspend_it(self, me: Holder, make: Make) -> None:
        nephew = await make.member(me, "93", services=Services(view=False, certify=False, file=False), birth_date=CHILD)

        answer = await me.call("PUT", f"{card_of(nephew)}/suspension")

        assert (answer.status_code, answer.json()["code"]) == (403, "service-not-shared")

    async def test_without_an_e_card_there_is_nothing_to_suspend(self, me: Holder, make: Make) -> None:
        newborn = await make.member(me, "20", card=None, birth_date=date(2026, 1, 5))

        answer = await me.call("PUT", f"{card_of(newborn)}/suspension")

        assert (answer.status_code, answer.json()["code"]) == (409, "no-physical-card")
