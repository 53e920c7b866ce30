"""All that somebody has agreed to is in one list, and each can be taken back where the list says."""

from datetime import date

import pytest

from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from tests.cards.test_lost_cards import CONSENT, agree, hear
from tests.cards.test_upgrades import add
from tests.factories.make import Holder, Make
from tests.factories.phone import JSON


async def listed(who: Holder, query: str = "") -> list[JSON]:
    items: list[JSON] = (await who.read(f"/v1/consents{query}", **{"Accept-Language": "en"}))["items"]
    return items


@pytest.fixture
async def me(make: Make) -> Holder:
    return await make.card_password(await make.owner())


async def test_payment_and_a_lost_card_are_listed_and_taken_back_where_it_says(me: Holder, house: House) -> None:
    await add(me)
    await hear(house, me, PhysicalCardStatus.LOST)
    await agree(me)

    lost, payment = await listed(me)

    assert (lost["code"], payment["code"]) == ("lost-card", "card-payment")
    assert (lost["channel"], lost["language"], len(lost["sha256"])) == ("app", "zh-CN", 64)
    assert payment["withdrawal"]["text"].startswith("Payment is taken off")
    assert (lost["withdrawal"]["what"], lost["withdrawal"]["href"]) == ("closes_lost_card", CONSENT)
    for each in (lost, payment):
        assert (await me.call("DELETE", each["withdrawal"]["href"])).status_code == 204
    assert [each["withdrawal"] for each in await listed(me)] == [None, None]
    assert all(each["withdrawn_at"] for each in await listed(me))


async def test_a_guardian_sees_what_they_agreed_to_for_a_child_and_pages_through_all(
    me: Holder, house: House, make: Make
) -> None:
    await add(me)
    child = await make.member(me, "20", birth_date=date(2017, 5, 20))
    path = f"/v1/holders/{child.link_id}/card/lost-card-consent"
    await hear(house, child.person, PhysicalCardStatus.LOST)
    await agree(me, path)

    first = await me.read("/v1/consents?limit=1")
    rest = await me.read(f"/v1/consents?limit=1&cursor={first['next_cursor']}")

    assert [each["code"] for each in first["items"] + rest["items"]] == ["lost-card", "card-payment"]
    assert rest["next_cursor"] is None
    assert first["items"][0]["withdrawal"]["href"] == path
    assert first["items"][0]["member_name"].endswith("*")


async def test_nobody_sees_what_another_has_agreed_to(me: Holder, house: House, make: Make) -> None:
    await hear(house, me, PhysicalCardStatus.LOST)
    await agree(me)
    brother = await make.owner()
    await make.member(brother, "71", person=me)

    assert await listed(brother) == []
