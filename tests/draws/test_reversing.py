"""Payments given back: whole, once, to the accounts they came from, by the office that took them."""

from app.core.db import Database
from app.models.draws import DrawReversal
from app.models.terminals import TerminalPurpose
from app.routers.deps import House
from tests.factories.adding import ok, refused
from tests.factories.callers import pass_time
from tests.factories.make import Holder, Make
from tests.factories.paying import cap, draw, give_back, left, order, pay, put, redeemed, sharer, unbind, unequal
from tests.factories.rows import count
from tests.factories.terminals import Install, Terminal
from tests.family.test_members_and_owners import told


async def test_the_very_accounts_get_it_back_once(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    await put(db, son, "12.30")
    mother = await sharer(make, db, son, amount="100.00")
    made = ok(await pay(till, son, "52.30"))
    await unbind(db, mother)  # it is hers all the same

    first, again = ok(await give_back(till, made["id"])), ok(await give_back(till, made["id"]))

    assert first == again
    assert (first["id"], first["reversed_at"] is None) == (made["id"], False)
    assert await left(db, son, mother.owner) == ["12.30", "100.00"]
    assert await count(db, DrawReversal) == 1
    assert await unequal(db) == 0
    assert (await told(db, mother.owner)).count("sharing_returned_owner") == 1
    assert [action for action, _, _ in await make.audited(mother.owner)].count("draw.reversed") == 1


async def test_the_order_is_answered_as_given_back_and_draws_nothing_again(
    son: Holder, till: Terminal, db: Database
) -> None:
    await put(db, son, "20.00")
    body = order(await redeemed(till, son), "10.00")
    made = ok(await draw(till, body))
    ok(await give_back(till, made["id"]))

    again = ok(await draw(till, body))

    assert again["reversed_at"] is not None
    assert await left(db, son) == ["20.00"]


async def test_the_month_has_room_again(make: Make, son: Holder, till: Terminal, db: Database) -> None:
    mother = await sharer(make, db, son, amount="500.00")
    await cap(db, mother, "50.00")
    made = ok(await pay(till, son, "50.00"))
    await cap(db, mother, "40.00")
    refused(await pay(till, son, "0.01"), 409, "medical-funds-short")

    ok(await give_back(till, made["id"]))

    assert ok(await pay(till, son, "40.00"))["shared"] == "40.00"
    refused(await pay(till, son, "0.01"), 409, "medical-funds-short")


async def test_another_office_knows_no_such_payment_and_another_till_of_the_same_does(
    son: Holder, till: Terminal, install: Install, db: Database
) -> None:
    await put(db, son, "20.00")
    made = ok(await pay(till, son, "10.00"))
    elsewhere = await install("till-9", office="other-office")
    reader = await install("desk", purposes=frozenset({TerminalPurpose.MEDICAL}))

    refused(await give_back(elsewhere, made["id"]), 404, "not-found")
    refused(await give_back(till, str(son.id)), 404, "not-found")
    refused(await give_back(reader, made["id"]), 403, "terminal-takes-no-payments")
    assert await left(db, son) == ["10.00"]
    ok(await give_back(await install("till-2"), made["id"]))
    assert await left(db, son) == ["20.00"]


async def test_what_was_paid_long_ago_is_given_back_elsewhere(
    son: Holder, till: Terminal, db: Database, house: House
) -> None:
    await put(db, son, "20.00")
    made = ok(await pay(till, son, "10.00"))
    await pass_time(house, days=31)

    refused(await give_back(till, made["id"]), 409, "draw-too-old")

    assert await left(db, son) == ["10.00"]


async def test_what_somebody_paid_who_has_left_goes_back_to_their_account_all_the_same(
    make: Make, son: Holder, till: Terminal, db: Database
) -> None:
    me = await make.card_password(son)
    await put(db, me, "20.00")
    made = ok(await pay(till, me, "10.00"))
    version = (await me.read("/v1/me/closing"))["version"]
    assert (await me.call("DELETE", "/v1/me", **{"If-Match": f'"{version}"'})).status_code == 200

    ok(await give_back(till, made["id"]))

    assert await left(db, me) == ["20.00"]
    assert await unequal(db) == 0
