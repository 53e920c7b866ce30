"""What a card does not allow is refused where it is tried: filed, ordered, asked for; for oneself and for a member."""

import secrets
from typing import Any

import httpx
import pytest

from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from tests.card_orders.playing import Ordering
from tests.factories.make import Holder, Make, Someone
from tests.factories.showing import set_card
from tests.transfers.playing import PENSION, Filing

LOST: dict[str, Any] = {"physical_status": PhysicalCardStatus.LOST_TEMPORARILY}
CANCELLED: dict[str, Any] = {"physical_status": PhysicalCardStatus.CANCELLED}


async def died(house: House) -> dict[str, Any]:
    return {"closed_at": house.db.clock.now()}


async def suspended(house: House, by: Someone) -> dict[str, Any]:
    return {"suspended_at": house.db.clock.now(), "suspended_by": by.id}


async def draft(holder: Holder, for_whom: object = "me") -> httpx.Response:
    return await Filing(holder, str(for_whom)).post(f"/v1/holders/{for_whom}/transfers", PENSION)


async def order(holder: Holder, for_whom: object = "me") -> httpx.Response:
    wanted = {"reason": "damaged", "address": "100101 Lane 5, No. 8"}
    return await Ordering(holder, str(for_whom)).post(f"/v1/holders/{for_whom}/card-orders", wanted)


async def state(holder: Holder, for_whom: object = "me") -> httpx.Response:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    path = f"/v1/holders/{for_whom}/rights/statements"
    return await holder.call("POST", path, {"insurances": ["pension"]}, **headers)


def refused(answer: httpx.Response, code: str) -> bool:
    return (answer.status_code, answer.json().get("code")) == (409, code)


@pytest.fixture
async def me(make: Make) -> Holder:
    """A holder."""
    return await make.owner(name="王志远")


async def test_a_lost_card_files_nothing_and_orders_a_new_one(house: House, me: Holder) -> None:
    await set_card(house.db, me, **LOST, loss_agreed_at=house.db.clock.now())

    assert refused(await draft(me), "card-lost")
    assert (await order(me)).status_code == 201
    assert (await me.call("GET", "/v1/holders/me/rights")).status_code == 200


async def test_what_was_drafted_before_the_loss_is_not_handed_in(house: House, me: Holder) -> None:
    drafted = await Filing(me).draft()
    await set_card(house.db, me, **LOST)

    assert refused(await Filing(me).submit(drafted["id"]), "card-lost")


async def test_a_suspended_card_files_nothing_and_orders_none(house: House, me: Holder) -> None:
    await set_card(house.db, me, **await suspended(house, me))

    assert refused(await draft(me), "card-suspended")
    assert refused(await order(me), "card-suspended")


async def test_for_the_dead_nothing_is_filed_ordered_or_asked_for_by_themselves(house: House, me: Holder) -> None:
    await set_card(house.db, me, **await died(house))

    assert refused(await draft(me), "card-closed")
    assert refused(await order(me), "card-closed")
    assert refused(await state(me), "card-closed")
    assert refused(await me.call("GET", "/v1/holders/me/rights"), "card-closed")


async def test_for_a_member_the_same_holds(house: House, make: Make, me: Holder) -> None:
    member = await make.member(me)
    await set_card(house.db, member.person, **CANCELLED)

    assert refused(await draft(me, member.link_id), "card-cancelled")
    assert refused(await state(me, member.link_id), "card-cancelled")
    assert (await order(me, member.link_id)).status_code == 201
