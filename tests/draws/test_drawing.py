"""Payments at a till: exact, once by the order's number, for nobody whose card or relatives no longer allow it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final

import httpx
import pytest

from app import main
from app.core.db import Database
from app.models.draws import Draw
from app.models.medical_accounts import LedgerEntry
from app.models.terminals import TerminalPurpose
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.audit import Action
from app.services.links import Services
from app.worker.relay import tell_due
from tests import cluster
from tests.cards.test_following import Silent
from tests.factories.adding import ok, refused, set_policy
from tests.factories.callers import pass_time
from tests.factories.make import Holder, Make
from tests.factories.paying import DRAWS, cap, draw, left, order, pause, pay, put, redeemed, sharer, unbind, unequal
from tests.factories.rows import count
from tests.factories.showing import set_card, show
from tests.factories.terminals import Install, Terminal
from tests.family.test_coming_of_age import until

BASE: Final = "http://escard.test"


class TestSplits:
    async def test_own_money_first_then_what_is_shared_to_the_cent(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        await put(db, son, "12.30")
        mother = await sharer(make, db, son, amount="100.00")

        made = ok(await pay(till, son, "52.31"))

        assert (made["own"], made["shared"], made["covered"], made["uncovered"]) == ("12.30", "40.01", "52.31", "0.00")
        assert made["reversed_at"] is None
        assert await left(db, son, mother.owner) == ["0.00", "59.99"]
        assert await unequal(db) == 0

    async def test_who_has_nothing_of_their_own_pays_with_what_is_shared(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="30.00")

        made = ok(await pay(till, son, "30.00"))

        assert (made["own"], made["shared"]) == ("0.00", "30.00")
        assert await left(db, mother.owner) == ["0.00"]

    async def test_a_code_that_is_shown_to_pay_does_so_too(self, son: Holder, till: Terminal, db: Database) -> None:
        await set_card(db, son, level=2)
        await put(db, son, "50.00")

        made = ok(await draw(till, order(await redeemed(till, son, purpose="pay"), "10.00")))

        assert made["own"] == "10.00"

    async def test_all_or_nothing_unless_the_till_takes_a_part(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        await put(db, son, "12.30")
        mother = await sharer(make, db, son, amount="10.00")

        refused(await pay(till, son, "22.31"), 409, "medical-funds-short")
        assert await left(db, son, mother.owner) == ["12.30", "10.00"]
        made = ok(await pay(till, son, "22.31", partial_allowed=True))

        assert (made["covered"], made["uncovered"]) == ("22.30", "0.01")
        refused(await pay(till, son, "1.00", partial_allowed=True), 409, "medical-funds-short")

    async def test_where_the_rule_says_so_a_part_is_never_drawn(
        self, database: cluster.Database, make: Make, till: Terminal, db: Database
    ) -> None:
        await set_policy(database, "draws", partial=False)
        son = await make.owner()
        await put(db, son, "12.30")

        refused(await pay(till, son, "22.31", partial_allowed=True), 409, "medical-funds-short")

    async def test_a_month_holds_its_cap_and_the_next_begins_anew_in_china(
        self, make: Make, son: Holder, till: Terminal, db: Database, house: House
    ) -> None:
        mother = await sharer(make, db, son, amount="500.00")
        await cap(db, mother, "50.00")
        ok(await pay(till, son, "30.00"))

        made = ok(await pay(till, son, "30.00", partial_allowed=True))
        assert (made["covered"], made["uncovered"]) == ("20.00", "10.00")
        refused(await pay(till, son, "0.01"), 409, "medical-funds-short")

        now = house.db.clock.now()
        await until(house, date(now.year + now.month // 12, now.month % 12 + 1, 1))
        made = ok(await pay(till, son, "50.00"))
        assert made["shared"] == "50.00"
        assert await left(db, mother.owner) == ["400.00"]

    async def test_more_than_is_drawn_at_once_is_refused(self, son: Holder, till: Terminal) -> None:
        refused(await pay(till, son, "20000.01"), 422, "invalid-request")


class TestOnce:
    async def test_the_same_order_again_is_the_same_payment(self, son: Holder, till: Terminal, db: Database) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(till, son), "10.00")

        first, again = ok(await draw(till, body)), ok(await draw(till, body))

        assert first == again
        assert await left(db, son) == ["40.00"]
        assert await count(db, Draw) == 1

    async def test_a_number_is_not_used_for_another_order(self, son: Holder, till: Terminal, db: Database) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(till, son), "10.00")
        ok(await draw(till, body))

        for other in ({"amount": "10.01"}, {"partial_allowed": True}, {"redemption_id": await redeemed(till, son)}):
            refused(await draw(till, body | other), 422, "order-number-reused")

        assert await left(db, son) == ["40.00"]

    async def test_two_tills_may_hit_on_one_number(
        self, son: Holder, till: Terminal, install: Install, db: Database
    ) -> None:
        await put(db, son, "50.00")
        other = await install("till-2")

        for each in (till, other):
            ok(await pay(each, son, "10.00", number="1"))

        assert await left(db, son) == ["30.00"]

    async def test_a_code_pays_once(self, make: Make, son: Holder, till: Terminal, db: Database) -> None:
        await put(db, son, "50.00")
        redemption = await redeemed(till, son)
        ok(await draw(till, order(redemption, "10.00")))

        refused(await draw(till, order(redemption, "10.00")), 409, "redemption-spent")

        assert [facts.get("reason") for action, facts, _ in await make.audited(son) if action == "draw.refused"] == [
            "redemption-spent"
        ]

    async def test_an_order_that_was_refused_may_be_sent_again(self, son: Holder, till: Terminal, db: Database) -> None:
        body = order(await redeemed(till, son), "10.00")
        refused(await draw(till, body), 409, "medical-funds-short")
        await put(db, son, "10.00")

        assert ok(await draw(till, body))["covered"] == "10.00"

    async def test_the_request_is_heard_once(self, son: Holder, till: Terminal, db: Database, house: House) -> None:
        await put(db, son, "50.00")
        request = till.signed(order(await redeemed(till, son), "10.00"), path=DRAWS)
        first = ok(await till.send(request))

        assert ok(await till.send(request)) == first
        await pass_time(house, seconds=31)

        refused(await till.send(request), 401, "request-replayed")


class TestWhoMay:
    async def test_the_till_has_to_be_one_that_takes_payments(
        self, son: Holder, install: Install, db: Database
    ) -> None:
        desk = await install("desk", purposes=frozenset({TerminalPurpose.MEDICAL}))
        await put(db, son, "50.00")

        refused(await pay(desk, son, "10.00"), 403, "terminal-takes-no-payments")

    async def test_nobody_pays_by_what_another_till_has_read_or_what_only_identifies(
        self, son: Holder, till: Terminal, install: Install, db: Database
    ) -> None:
        await put(db, son, "50.00")
        seen = ok(await till.redeem(await show(son)))
        other = await install("till-2")

        assert seen["redemption_id"] is None
        for redemption in (await redeemed(other, son), "0" * 36, "x", "é"):
            refused(await draw(till, order(redemption, "10.00")), 404, "redemption-not-found")

    async def test_a_payment_follows_its_code_soon(
        self, son: Holder, till: Terminal, db: Database, house: House
    ) -> None:
        await put(db, son, "50.00")
        redemption = await redeemed(till, son)
        await pass_time(house, minutes=61)

        refused(await draw(till, order(redemption, "10.00")), 409, "redemption-too-old")

    async def test_nothing_is_said_of_amounts_that_are_not_drawn(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        await sharer(make, db, son, amount="77.77")

        answer = await pay(till, son, "100.00")

        refused(answer, 409, "medical-funds-short")
        assert "77" not in answer.json()["detail"]

    async def test_an_unsigned_request_draws_nothing(self, son: Holder, till: Terminal) -> None:
        answer = await son.client.post(DRAWS, json=order("0" * 36, "1.00"))

        refused(answer, 401, "terminal-not-known")


class TestWhatChangesInBetween:
    async def test_after_an_end_and_while_paused_nothing_is_drawn(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        aunt = await sharer(make, db, son, amount="50.00", name="李四")
        bodies = [order(await redeemed(till, son), "10.00") for _ in range(2)]
        await unbind(db, mother)

        made = ok(await draw(till, bodies[0]))
        await pause(db, aunt)
        refused(await draw(till, bodies[1]), 409, "medical-funds-short")

        assert made["shared"] == "10.00"
        assert await left(db, mother.owner, aunt.owner) == ["50.00", "40.00"]

    @pytest.mark.parametrize("has_card", [False, True])
    async def test_who_shares_and_has_died_pays_nothing_though_nobody_was_told(
        self,
        make: Make,
        son: Holder,
        till: Terminal,
        db: Database,
        house: House,
        has_card: bool,  # noqa: FBT001 - the case
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        if has_card:
            await make.signed_in(mother.owner)
            await set_card(db, mother.owner, asked_at=db.clock.now() - timedelta(hours=1))
        await make.collect_card(mother.owner, is_alive=False)

        answer = await pay(till, son, "10.00")
        while await tell_due(db, house.ports):
            pass

        refused(answer, 409, "medical-funds-short")
        assert await left(db, mother.owner) == ["50.00"]
        assert (await son.read("/v1/sharing/bindings"))["shared_with_me"] == []

    async def test_a_register_that_is_silent_about_them_says_nothing_of_their_death(
        self, make: Make, son: Holder, till: Terminal, db: Database, house: House
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        body = order(await redeemed(till, son), "10.00")
        await set_card(db, son, asked_at=db.clock.now())
        alone = replace(house, ports=replace(house.ports, register=Silent()))

        async with httpx.AsyncClient(transport=httpx.ASGITransport(main.create_app(alone)), base_url=BASE) as client:
            ok(await draw(replace(till, client=client), body))
            await set_card(db, son, asked_at=None)  # of whose own card it has to speak
            refused(await draw(replace(till, client=client), body | {"order_number": "2"}), 503, "register-unavailable")

        assert await left(db, mother.owner) == ["40.00"]

    @pytest.mark.parametrize(
        "values",
        [{"physical_status": PhysicalCardStatus.LOST}, {"physical_status": PhysicalCardStatus.CANCELLED}],
        ids=["lost", "cancelled"],
    )
    async def test_a_card_that_is_lost_pays_nothing(
        self, make: Make, son: Holder, till: Terminal, db: Database, values: dict[str, object]
    ) -> None:
        await put(db, son, "50.00")
        body = order(await redeemed(till, son), "10.00")
        await set_card(db, son, **values)

        refused(await draw(till, body), 409, "payment-withdrawn")

        assert await left(db, son) == ["50.00"]
        written = [facts for action, facts, _ in await make.audited(son) if action == Action.DRAW_REFUSED]
        assert [(facts["reason"], facts["office"]) for facts in written] == [("payment-withdrawn", "main-office")]

    async def test_an_owner_pays_with_a_members_money_only_while_that_is_shared(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        father = await make.member(son, services=Services(pay=True))
        uncle = await make.member(son, "67", name="王建军")
        for each in (father, uncle):
            await put(db, each.person, "50.00")
        bodies = [order(await redeemed(till, son, each), "10.00") for each in (father, father, uncle)]

        ok(await draw(till, bodies[0]))
        await son.call("DELETE", f"/v1/family/members/{father.link_id}")

        refused(await draw(till, bodies[1]), 409, "payment-withdrawn")
        refused(await draw(till, bodies[2]), 409, "payment-withdrawn")  # shows the card, and does not pay
        assert await left(db, father.person, uncle.person) == ["40.00", "50.00"]
        actors = [actor for action, _, actor in await make.audited(father.person) if action == Action.DRAW_MADE]
        assert actors == [son.id]


class TestWhatIsWrittenDown:
    async def test_both_homes_have_it_without_an_amount_and_only_the_spenders_says_where(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        made = ok(await pay(till, son, "10.00"))

        at_son, at_mother = [
            [(facts, actor) for action, facts, actor in await make.audited(each) if action == Action.DRAW_MADE]
            for each in (son, mother.owner)
        ]
        assert at_mother == [({"draw_id": made["id"]}, son.id)]
        ((facts, actor),) = at_son
        assert (facts["office"], facts["draw_id"], actor) == ("main-office", made["id"], son.id)
        assert "10" not in str(at_mother).replace(made["id"], "").replace(str(son.id), "")

    async def test_both_are_told_when_one_pays_for_the_other_and_nobody_of_ones_own(
        self, make: Make, son: Holder, till: Terminal, db: Database, house: House
    ) -> None:
        mother = await sharer(make, db, son, amount="50.00")
        await put(db, son, "5.00")
        ok(await pay(till, son, "5.00"))
        ok(await pay(till, son, "10.00"))

        while await tell_due(house.db, house.ports):
            pass

        rows = await db.fetch(
            "SELECT home_id, message FROM notification WHERE message LIKE 'sharing_spent%' ORDER BY message"
        )
        assert [tuple(row) for row in rows] == [
            (son.id, "sharing_spent_member"),
            (mother.owner.id, "sharing_spent_owner"),
        ]

    async def test_every_draw_sums_to_zero_in_our_book_and_in_theirs(
        self, make: Make, son: Holder, till: Terminal, db: Database
    ) -> None:
        await put(db, son, "5.00")
        await sharer(make, db, son, amount="50.00")

        made = ok(await pay(till, son, "10.00"))

        for book in ("ledger_entry", "funds_entry"):
            rows = await db.fetch(
                f"SELECT sum(amount) AS sum, count(*) AS sides FROM {book} WHERE movement_id = $1",  # noqa: S608
                made["id"],
            )
            assert [tuple(row) for row in rows] == [(0, 3)]
        assert await count(db, LedgerEntry) == 3
