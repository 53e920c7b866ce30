"""Before a code is redeemed the register is asked about the card, unless it was asked a moment ago."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from app import main
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.cards import following
from tests.cards.test_following import Silent, say
from tests.factories.make import Holder, Make
from tests.factories.showing import set_card, show
from tests.factories.terminals import Install, Terminal


@pytest.fixture
async def me(make: Make) -> Holder:
    """Somebody whose card pays."""
    return await make.owner()


@pytest.fixture
async def desk(install: Install) -> Terminal:
    """A terminal that reads codes for everything."""
    return await install()


@pytest.fixture
async def cut_off(desk: Terminal, house: House) -> AsyncIterator[Terminal]:
    """The same terminal at a server whose register does not answer."""
    alone = replace(house, ports=replace(house.ports, register=Silent()))
    transport = httpx.ASGITransport(main.create_app(alone))
    async with httpx.AsyncClient(transport=transport, base_url="http://escard.test") as client:
        yield replace(desk, client=client)


async def test_a_card_that_was_lost_since_it_was_asked_about_is_not_shown(
    me: Holder, desk: Terminal, house: House
) -> None:
    code = await show(me)
    await say(house, me, status=PhysicalCardStatus.LOST)

    answer = await desk.redeem(code)

    assert (answer.status_code, answer.json()["code"]) == (409, "code-withdrawn")
    assert (await me.read("/v1/holders/me/card"))["physical_card"] == "lost"


async def test_asked_a_moment_ago_it_is_not_asked_again(me: Holder, cut_off: Terminal, house: House) -> None:
    await following.refresh(house.db, house.ports.register, me.id)
    await set_card(house.db, me, level=2, asked_at=house.db.clock.now())

    answers = [await cut_off.redeem(await show(me, purpose=purpose)) for purpose in ("identify", "medical", "pay")]

    assert [answer.status_code for answer in answers] == [200] * 3


async def test_a_silent_register_keeps_nobody_from_a_doctor_but_nothing_is_paid(
    me: Holder, cut_off: Terminal, desk: Terminal, house: House
) -> None:
    long_ago = house.db.clock.now() - timedelta(minutes=11)
    await set_card(house.db, me, level=2, asked_at=long_ago)
    paying = await show(me, purpose="pay")

    medical, refused = await cut_off.redeem(await show(me, purpose="medical")), await cut_off.redeem(paying)
    paid = await desk.redeem(paying)

    assert medical.status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (503, "register-unavailable")
    assert paid.status_code == 200


async def test_what_the_register_was_asked_ten_minutes_ago_does_not_pay(
    me: Holder, desk: Terminal, house: House
) -> None:
    await set_card(house.db, me, level=2, asked_at=house.db.clock.now() - timedelta(minutes=2))
    await say(house, me, status=PhysicalCardStatus.LOST)

    seen, paid = await show(me), await show(me, purpose="pay")

    assert (await desk.redeem(seen)).status_code == 200
    assert (await desk.redeem(paid)).json()["code"] == "code-withdrawn"
