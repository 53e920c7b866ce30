"""Where an e-card is used: channels left and come back to."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from app.core.db import Database, Session, bucket_of
from app.models.accounts import Account, Assurance, Device, SessionEnd, SignedIn
from app.models.cards import CardIssue
from app.models.channels import Channel
from app.models.people import Person
from app.ports.register import PhysicalCardStatus
from app.routers.deps import House
from app.services.accounts import sessions
from app.services.accounts.sessions import DeviceInfo
from app.services.audit import Action
from app.services.cards import following, issuing
from app.services.channel_registry import registering
from app.services.channel_registry.registering import NewChannel
from tests.cards.test_following import MINE, say, told
from tests.factories.adding import later
from tests.factories.make import Holder, Make

CHANNELS = "/v1/channels"


async def elsewhere(house: House, me: Holder, channel: str) -> Holder:
    """Sign somebody in to another channel, in which their card is in use."""

    async def sign_in(session: Session) -> SignedIn:
        if await session.get(Channel, channel) is None:
            await registering.add(session, NewChannel(channel))
        await issuing.add_channel(session, me.id, channel)
        account_id = me.claims.account_id
        account = await session.get_one(Account, (bucket_of(account_id), account_id))
        before = await session.get_one(SignedIn, (bucket_of(me.claims.session_id), me.claims.session_id))
        device = await session.get_one(Device, (bucket_of(before.device_id), before.device_id))
        info = DeviceInfo(id="", name="Another phone", platform="ios")
        return await sessions.start(session, account, device, info, assurance=Assurance.FULL, channel=channel)

    signed_in = await house.db.run(sign_in)
    return replace(me, claims=replace(me.claims, session_id=signed_in.id))


async def listed(who: Holder) -> dict[str, dict[str, Any]]:
    return {place["channel"]: place for place in (await who.read(CHANNELS))["items"]}


@pytest.fixture
async def me(make: Make) -> Holder:
    return await make.card_password(await make.owner())


class TestChannels:
    async def test_each_has_an_issue_number_of_its_own(self, me: Holder, house: House) -> None:
        bank = await elsewhere(house, me, "bank")

        mine, theirs = await listed(me), await listed(bank)

        assert list(mine) == ["app", "bank"]
        assert mine["app"]["issue_number"] == (await me.read(MINE))["issue_number"]
        assert mine["bank"]["issue_number"] == (await bank.read(MINE))["issue_number"]
        assert [place["is_current"] for place in mine.values()] == [True, False]
        assert [place["is_current"] for place in theirs.values()] == [False, True]
        assert mine["bank"]["last_used_at"] is not None

    async def test_who_is_no_longer_shown_to_be_the_holder_uses_none(self, me: Holder, db: Database) -> None:
        await db.run(lambda session: session.execute(update(Person).values(account_id=None)))

        assert (await me.call("GET", CHANNELS)).json()["code"] == "own-card-needed"

    async def test_who_has_no_card_uses_none(self, make: Make) -> None:
        me = await make.signed_in(await make.person(card=None))

        answer = await me.call("GET", CHANNELS)

        assert (answer.status_code, answer.json()["code"]) == (409, "own-card-needed")


class TestLeaving:
    async def test_one_left_ends_there_and_goes_on_elsewhere(self, me: Holder, make: Make, house: House) -> None:
        bank = await elsewhere(house, me, "bank")

        answer = await me.call("DELETE", f"{CHANNELS}/bank")

        assert answer.status_code == 204
        assert (await bank.call("GET", MINE)).json()["code"] == "session-ended"
        assert list(await listed(me)) == ["app"]
        assert (await me.read(MINE))["allows"]["show_code"]
        assert (Action.CHANNEL_LEFT, {"channel": "bank"}, me.id) in await make.audited(me)
        assert await told(house.db, me) == ["card_channel_left"]
        ends = await house.db.fetch("SELECT ended_because FROM session WHERE channel = 'bank'")
        assert [row["ended_because"] for row in ends] == [SessionEnd.LEFT_CHANNEL]

    async def test_left_again_nothing_more_happens(self, me: Holder, house: House) -> None:
        await elsewhere(house, me, "bank")

        for channel in ("bank", "bank", "never seen"):
            assert (await me.call("DELETE", f"{CHANNELS}/{channel}")).status_code == 204

        assert await told(house.db, me) == ["card_channel_left"]

    async def test_all_left_ends_everything_but_the_card(self, me: Holder, make: Make, house: House) -> None:
        bank = await elsewhere(house, me, "bank")

        assert (await me.call("DELETE", CHANNELS)).status_code == 204

        for who in (me, bank):
            assert (await who.call("GET", MINE)).status_code == 401
        assert await house.db.fetch("SELECT 1 FROM card_issue") == []
        assert len(await house.db.fetch("SELECT 1 FROM card")) == 1
        assert await told(house.db, me) == ["card_channels_left"]

    async def test_it_takes_a_step_up(self, make: Make) -> None:
        me = await make.owner()

        for method, path in (("DELETE", CHANNELS), ("DELETE", f"{CHANNELS}/app"), ("PUT", f"{CHANNELS}/app")):
            answer = await me.call(method, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "card-password-required")

    async def test_somebody_elses_channels_are_theirs(self, me: Holder, make: Make, house: House) -> None:
        other = await make.card_password(await make.owner(sex="2"))
        await elsewhere(house, other, "bank")

        await me.call("DELETE", CHANNELS)

        assert list(await listed(other)) == ["app", "bank"]


class TestComingBack:
    @pytest.fixture
    async def back(self, me: Holder, house: House) -> Holder:
        """The same holder, signed in again to the app that they have left."""
        await me.call("DELETE", f"{CHANNELS}/app")
        again = await elsewhere(house, me, "app")
        await house.db.run(lambda session: session.execute(delete(CardIssue)))
        return again

    async def test_until_then_no_code_is_shown(self, back: Holder) -> None:
        card = await back.read(MINE)

        assert (card["issue_number"], card["allows"]["show_code"]) == (None, False)
        assert card["next"]["action"] == "card-not-in-channel"

    async def test_it_is_under_a_new_number_once(self, back: Holder, make: Make) -> None:
        answers = await asyncio.gather(*(back.call("PUT", f"{CHANNELS}/app") for _ in range(5)))

        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["issue_number"] for answer in answers} == {(await back.read(MINE))["issue_number"]}
        assert (await back.read(MINE))["allows"]["show_code"]
        assert [action for action, _, _ in await make.audited(back)].count(Action.CHANNEL_JOINED) == 1

    async def test_it_was_not_used_last_before_it_was_come_back_to(self, back: Holder, house: House) -> None:
        await later(house, minutes=1)

        place = (await back.call("PUT", f"{CHANNELS}/app")).json()

        assert place["last_used_at"] == place["since"]

    async def test_only_the_channel_one_is_in_is_come_back_to(self, back: Holder) -> None:
        assert (await back.call("PUT", f"{CHANNELS}/bank")).status_code == 404

    async def test_with_a_locked_card_nobody_comes_back(self, back: Holder, house: House) -> None:
        await say(house, back, status=PhysicalCardStatus.APPLICATION_LOCKED)
        await following.refresh(house.db, house.ports.register, back.id)

        answer = await back.call("PUT", f"{CHANNELS}/app")

        assert (answer.status_code, answer.json()["code"]) == (409, "card-locked")

    async def test_left_and_come_back_to_at_once_it_is_one_of_both(self, me: Holder, house: House) -> None:
        bank = await elsewhere(house, me, "bank")

        left, joined = await asyncio.gather(me.call("DELETE", f"{CHANNELS}/bank"), bank.call("PUT", f"{CHANNELS}/bank"))

        assert left.status_code == 204
        assert joined.status_code in (200, 401)
        assert await house.db.fetch("SELECT 1 FROM session WHERE channel = 'bank' AND ended_at IS NULL") == []
        assert list(await listed(me)) == ["app"]
