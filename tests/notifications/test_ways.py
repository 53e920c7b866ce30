"""SMS and push by gateways: each way once, whatever fails or crashes between, and none holds up another."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from app import texts
from app.adapters.messages.gateway import GatewayMessages
from app.adapters.messages.push import GatewayPush
from app.core.db import Session
from app.ports import Ports
from app.routers.deps import House
from app.services import outbox
from app.services.outbox import Kind
from app.worker.relay import tell_due
from tests.factories.adding import ok
from tests.factories.callers import pass_time
from tests.factories.gateways import PhoneGateway, phone_gateway
from tests.factories.make import Holder, Make
from tests.factories.servers import loopback_client
from tests.notifications.conftest import PHONE

APP = "an-address-of-an-app"
CHANGED = texts.message("card_password_changed", "zh-CN")


@dataclass
class Scene:
    """The two gateways, and a worker that uses them."""

    house: House
    ports: Ports
    sms: PhoneGateway
    apps: PhoneGateway

    async def tell(self, holder: Holder, message: str = "card_password_changed") -> None:
        async def put(session: Session) -> None:
            outbox.tell(session, Kind.TELL_PERSON, holder.id, message=message)

        await self.house.db.run(put)
        await tell_due(self.house.db, self.ports)

    async def later(self) -> None:
        """Let the pause before the next attempt pass, and work."""
        await pass_time(self.house, minutes=5)
        await tell_due(self.house.db, self.ports)


@pytest.fixture
async def scene(house: House) -> AsyncIterator[Scene]:
    clock = house.ports.clock
    async with (
        phone_gateway(clock) as (sms, to_sms),
        phone_gateway(clock) as (apps, to_apps),
        loopback_client() as client,
    ):
        ports = replace(
            house.ports, messages=GatewayMessages(to_sms, clock, client), push=GatewayPush(to_apps, clock, client)
        )
        yield Scene(house, ports, sms, apps)


async def install(holder: Holder, address: str = APP) -> None:
    assert (await holder.call("PUT", "/v1/devices/current/push-address", {"address": address})).status_code == 204


async def test_by_both_ways_it_is_told_once(scene: Scene, me: Holder) -> None:
    await install(me)
    await scene.tell(me)
    await scene.later()

    assert scene.sms.texts(PHONE) == [CHANGED]
    assert scene.apps.texts(APP) == [CHANGED]
    assert (scene.sms.asked, scene.apps.asked) == (1, 1)


@pytest.mark.parametrize("status", [0, 503])
async def test_a_way_that_fails_is_gone_again_and_the_other_is_not(scene: Scene, me: Holder, status: int) -> None:
    await install(me)
    scene.sms.failing = [status]

    await scene.tell(me)
    assert scene.apps.texts(APP) == [CHANGED]
    await scene.later()

    assert scene.sms.texts(PHONE) == [CHANGED]
    assert (scene.sms.asked, scene.apps.asked) == (2, 1)


async def test_apps_that_cannot_be_told_leave_the_sms_as_it_was(scene: Scene, me: Holder) -> None:
    await install(me)
    scene.apps.failing = [503, 503]

    await scene.tell(me)
    await scene.later()
    await scene.later()

    assert scene.apps.texts(APP) == [CHANGED]
    assert (scene.sms.asked, scene.apps.asked) == (1, 3)


async def test_a_worker_that_dies_between_two_ways_repeats_none(scene: Scene, me: Holder) -> None:
    await install(me)
    scene.apps.go_on.clear()
    dying = asyncio.create_task(scene.tell(me))
    await asyncio.wait_for(scene.apps.was_asked.wait(), 60)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)

    scene.apps.go_on.set()
    await scene.later()

    assert scene.apps.texts(APP) == [CHANGED]
    assert (scene.sms.asked, scene.apps.asked) == (1, 2)


async def test_somebody_whose_phone_fails_holds_up_nobody_else(scene: Scene, make: Make, me: Holder) -> None:
    other = await make.owner(name="林若溪")
    scene.sms.failing = [503]
    await make.member(me, "12", person=other)

    await tell_due(scene.house.db, scene.ports)

    assert len(scene.sms.taken) == 1
    await scene.later()
    assert len(scene.sms.taken) == 2


async def test_an_app_that_is_gone_is_forgotten(scene: Scene, me: Holder) -> None:
    await install(me)
    scene.apps.failing = [410]

    await scene.tell(me)
    await scene.tell(me, "card_issued")

    assert scene.apps.asked == 1


async def test_nothing_goes_to_an_app_that_was_taken_back_or_signed_out(scene: Scene, make: Make, me: Holder) -> None:
    await install(me)
    assert (await me.call("DELETE", "/v1/devices/current/push-address")).status_code == 204
    await scene.tell(me)
    await install(me)
    assert (await me.call("DELETE", "/v1/sessions/current")).status_code == 204
    await scene.tell(me)

    assert scene.apps.asked == 0
    assert scene.sms.asked == 2


async def test_what_was_switched_off_for_apps_comes_by_sms_alone(scene: Scene, me: Holder) -> None:
    await install(me)
    ok(await me.call("PUT", "/v1/notifications/preferences", {"topics": {"cards": {"push": False}}}))

    await scene.tell(me, "card_issued")

    assert (scene.sms.asked, scene.apps.asked) == (1, 0)
