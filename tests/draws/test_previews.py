"""What a payment would draw, said before anybody pays: whose money, how much, and why somebody pays nothing."""

import pytest

from app.core.db import Database
from app.routers.deps import House
from tests import cluster
from tests.factories.adding import ok, refused, set_policy
from tests.factories.make import JSON, Holder, Make
from tests.factories.paying import PREVIEWS, cap, left, pause, put, sharer, unbind
from tests.factories.showing import set_card


async def preview(holder: Holder, amount: str) -> JSON:
    return ok(await holder.call("POST", PREVIEWS, {"amount": amount}))


def said(found: JSON) -> list[tuple[str, str, str | None]]:
    return [(share["name"] or share["source"], share["amount"], share["because"]) for share in found["shares"]]


async def test_own_first_then_the_sharers_and_nothing_moves(make: Make, son: Holder, db: Database) -> None:
    await put(db, son, "12.30")
    mother = await sharer(make, db, son, amount="100.00")

    found = await preview(son, "52.30")

    assert said(found) == [("own", "12.30", "empty"), ("陈**", "40.00", None)]
    assert (found["amount"], found["covered"], found["uncovered"]) == ("52.30", "52.30", "0.00")
    assert (found["shares"][1]["binding_id"], found["shares"][1]["relationship"]) == (str(mother.binding.id), "20")
    assert await left(db, son, mother.owner) == ["12.30", "100.00"]


async def test_why_somebody_pays_nothing_and_what_is_left(make: Make, son: Holder, db: Database) -> None:
    wanted = (("张一", "5.00"), ("李二", "50.00"), ("赵三", "50.00"))
    _, paused, last = [await sharer(make, db, son, amount=amount, name=name) for name, amount in wanted]
    await pause(db, paused)
    await cap(db, last, "7.50")

    found = await preview(son, "40")

    assert said(found) == [
        ("own", "0.00", "empty"),
        ("张*", "5.00", "empty"),
        ("李*", "0.00", "paused"),
        ("赵*", "7.50", "cap_reached"),
    ]
    assert (found["covered"], found["uncovered"]) == ("12.50", "27.50")
    await unbind(db, last)
    assert [name for name, _, _ in said(await preview(son, "40"))] == ["own", "张*", "李*"]


async def test_by_the_highest_balance_where_that_is_the_rule(
    make: Make, database: cluster.Database, db: Database
) -> None:
    await set_policy(database, "sharing", order="highest_balance")
    son = await make.owner()
    for name, amount in (("张一", "5.00"), ("李二", "50.00"), ("赵三", "20.00")):
        await sharer(make, db, son, amount=amount, name=name)

    assert [name for name, _, _ in said(await preview(son, "1"))] == ["own", "李*", "赵*", "张*"]


async def test_few_at_a_time_so_that_whoever_pays_is_not_kept_waiting(son: Holder, house: House) -> None:
    with house.traffic.one_preview(son.claims.account_id), house.traffic.one_preview(son.claims.account_id):
        too_many = await son.call("POST", PREVIEWS, {"amount": "1.00"})

    assert refused(too_many, 503, "medical-funds-unavailable")["retry_after_seconds"] == 1
    assert (await preview(son, "1.00"))["covered"] == "0.00"


async def test_in_the_order_that_the_member_has_chosen(make: Make, son: Holder, db: Database) -> None:
    wanted = (("张一", "5.00"), ("李二", "50.00"), ("赵三", "20.00"))
    sharing = [await sharer(make, db, son, amount=amount, name=name) for name, amount in wanted]
    chosen = [str(sharing[place].binding.id) for place in (2, 0, 1)]

    ok(await son.call("PUT", "/v1/sharing/order", {"order": "chosen", "binding_ids": chosen}))

    assert said(await preview(son, "22")) == [
        ("own", "0.00", "empty"),
        ("赵*", "20.00", "empty"),
        ("张*", "2.00", None),
        ("李*", "0.00", "not_needed"),
    ]


async def test_who_has_died_gives_nothing_while_the_end_is_on_its_way(make: Make, son: Holder, db: Database) -> None:
    mother = await sharer(make, db, son, amount="50.00")
    await make.signed_in(mother.owner)
    await set_card(db, mother.owner, closed_at=db.clock.now())

    assert said(await preview(son, "10")) == [("own", "0.00", "empty"), ("陈**", "0.00", "ended")]


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "1.005", "1e3", "", "20000.01"])
async def test_what_is_no_payment_is_refused(son: Holder, amount: str) -> None:
    problem = refused(await son.call("POST", PREVIEWS, {"amount": amount}), 422, "invalid-request")

    assert [error["pointer"] for error in problem["errors"]] == ["/amount"]


async def test_a_number_is_no_amount(son: Holder) -> None:
    refused(await son.call("POST", PREVIEWS, {"amount": 12.3}), 422, "invalid-request")
